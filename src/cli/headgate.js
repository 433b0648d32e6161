#!/usr/bin/env node
// The bin. It must run to its error line on a Node that knows neither TypeScript nor modern syntax:
// only what Node 10 parses. Everything else is in main.ts.

// shouldUpgradeCallback of node:http came with it.
var NEEDED = '24.9'

function isSupported(version) {
  var found = version.split('.').map(Number)
  var needed = NEEDED.split('.').map(Number)
  return found[0] > needed[0] || (found[0] === needed[0] && found[1] >= needed[1])
}

// In a checkout that is TypeScript: some three hundred modules to strip and to compile, each time anew.
var MAIN = './main.ts'
var COMPILED = '../../node_modules/.cache/headgate/compiled'

function load(name) {
  return import(name)
}

// Where it cannot be written, nothing is kept.
function keepCompiled() {
  if (!MAIN.endsWith('.ts')) return Promise.resolve()
  return Promise.all([load('module'), load('fs'), load('path')]).then(function (modules) {
    var here = modules[2].dirname(modules[1].realpathSync(process.argv[1]))
    modules[0].enableCompileCache(modules[2].join(here, COMPILED))
  })
}

function fail(why) {
  console.error(
    'NODE_UNSUPPORTED: Node ' +
      process.versions.node +
      ' is too old: headgate needs ' +
      NEEDED +
      ' or newer' +
      (why ? ' (' + why + ')' : ''),
  )
  process.exitCode = 1
}

// In a checkout, `npm ci` has brought a Node of its own, and a global one may be older.
function runOnOwnNode(fs, path, childProcess) {
  var self = fs.realpathSync(process.argv[1])
  var own = path.join(path.dirname(self), '..', '..', 'node_modules', '.bin', 'node')
  if (process.env.HEADGATE_OWN_NODE || !fs.existsSync(own)) return fail()
  var child = childProcess.spawn(own, [self].concat(process.argv.slice(2)), {
    stdio: 'inherit',
    env: Object.assign({}, process.env, { HEADGATE_OWN_NODE: '1' }),
  })
  var forward = function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  }
  forward('SIGINT')
  forward('SIGTERM')
  forward('SIGHUP')
  child.on('error', function (error) {
    fail(error.message)
  })
  child.on('exit', function (code, signal) {
    if (signal === null) {
      process.exitCode = code
      return
    }
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function main() {
  if (isSupported(process.versions.node)) {
    var ready = keepCompiled()
    if (process.argv[2] === 'start') {
      ready = ready
        .then(function () {
          return load('./helper-threads.ts')
        })
        .then(function (threads) {
          threads.limitHelperThreads()
          threads.lowerHelperThreads()
        })
    }
    return ready
      .then(function () {
        return load(MAIN)
      })
      .then(function (cli) {
        return cli.main(process.argv.slice(2))
      })
  }
  return Promise.all([load('fs'), load('path'), load('child_process')]).then(function (modules) {
    runOnOwnNode(modules[0], modules[1], modules[2])
  })
}

main().catch(function (error) {
  if (!isSupported(process.versions.node)) return fail(error && error.message)
  console.error('INTERNAL: ' + ((error && error.stack) || error))
  process.exitCode = 1
})
