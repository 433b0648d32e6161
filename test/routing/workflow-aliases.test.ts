import t from 'tap'
import { parseDescriptor } from '../../src/domain/descriptor.ts'
import type { PackageDescriptor } from '../../src/domain/descriptor.ts'
import { WorkflowAliases } from '../../src/routing/workflow-aliases.ts'

function having(...names: readonly string[]): PackageDescriptor {
  const tasks = [{ name: 't', options: {} }]
  const workflows = names.map((name) => ({ name, hasInput: false, options: {}, tasks }))
  const id = { package: 'p', version: '1.0.0' }
  const has = { hasConfig: false, hasSetup: false, hasProbe: false, hasTeardown: false }
  return parseDescriptor({ contract: 1, secrets: [], ...has, workflows }, id)
}

t.test('an alias means its workflow, and gives way to a workflow of that name', (t) => {
  const aliases = new WorkflowAliases()
  t.equal(aliases.resolve('mails', having('w')), 'mails', 'nothing is set')
  aliases.set('mails', 'w')
  t.equal(aliases.resolve('mails', having('w')), 'w')
  t.equal(aliases.resolve('w', having('w')), 'w')
  t.equal(aliases.resolve('other', having('w')), 'other')
  t.equal(aliases.resolve('mails', having('w', 'mails')), 'mails')
  t.equal(aliases.resolve('mails', undefined), 'w', 'nothing is active')
  t.equal(aliases.resolve('mails', having('v')), 'w', 'the caller is told that w is not there')
  t.end()
})

t.test('shown are the aliases that can be called', (t) => {
  const aliases = new WorkflowAliases()
  aliases.set('mails', 'w')
  aliases.set('letters', 'w')
  aliases.set('gone', 'v')
  const shown = (descriptor?: PackageDescriptor): string[] =>
    aliases.in(descriptor).map(({ alias, workflow }) => `${alias}=${workflow.name}`)
  t.same(shown(having('w')), ['mails=w', 'letters=w'])
  t.same(shown(having('w', 'mails')), ['letters=w'])
  t.same(shown(), [])
  aliases.set('mails', 'v')
  t.same(shown(having('v')), ['mails=v', 'gone=v'], 'set again it means the later one')
  t.end()
})
