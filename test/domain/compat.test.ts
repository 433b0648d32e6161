import fc from 'fast-check'
import t from 'tap'
import { compareInterfaces } from '../../src/domain/compat.ts'
import { parseDescriptor } from '../../src/domain/descriptor.ts'
import { interfaceDigest, interfaceOf, type PackageInterface } from '../../src/domain/interface.ts'
import type { PackagePermissions } from '../../src/domain/package-json.ts'
import { compareSchemas } from '../../src/domain/schema-compat.ts'
import { holds } from '../helpers/property.ts'

interface Shape {
  readonly version?: string
  /** Task name → its options. */
  readonly tasks?: Readonly<Record<string, object>>
  readonly input?: Readonly<Record<string, unknown>> | 'opaque'
  readonly secrets?: readonly string[]
  readonly permissions?: Partial<PackagePermissions>
  readonly workflow?: string
}

const BASE = { a: {}, b: { after: ['a'] } }

function made(shape: Shape = {}): PackageInterface {
  const { version = '1.4.2', tasks = BASE, input, workflow = 'w' } = shape
  const id = { package: 'p', version }
  const raw = {
    contract: 1,
    secrets: shape.secrets ?? [],
    hasConfig: false,
    hasSetup: false,
    hasProbe: false,
    hasTeardown: false,
    workflows: [
      {
        name: workflow,
        hasInput: input !== undefined,
        options: {},
        tasks: Object.entries(tasks).map(([name, options]) => ({ name, options })),
      },
    ],
  }
  const schemas = {
    inputs: typeof input === 'object' ? [{ workflow, schema: input }] : [],
    config: null,
  }
  const permissions = { net: false, read: [], write: [], env: [], ...shape.permissions }
  return interfaceOf({ ...id, descriptor: parseDescriptor(raw, id), schemas, permissions })
}

const CASES: readonly {
  readonly what: string
  readonly before: Shape
  readonly after: Shape
  readonly change: string
  readonly lowest: string
  readonly breaking?: boolean
}[] = [
  {
    what: 'a task that is gone',
    before: { tasks: { ...BASE, c: { after: ['b'] } } },
    after: { tasks: { ...BASE, d: { after: ['b'] } } },
    change: 'w::c the task is gone',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'a task that is new and nobody waits for',
    before: {},
    after: { tasks: { ...BASE, c: {} } },
    change: 'w::c the task is new',
    lowest: '1.5.0',
  },
  {
    what: 'another last task',
    before: {},
    after: { tasks: { ...BASE, c: { after: ['b'] } } },
    change: 'w its answer has no b any more',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'a workflow under another name',
    before: {},
    after: { workflow: 'v' },
    change: 'w the workflow is gone',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'one dependency more',
    before: { tasks: { a: {}, c: {}, b: { after: ['a'] } } },
    after: { tasks: { a: {}, c: {}, b: { after: ['a', 'c'] } } },
    change: 'w::b it needs c too',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'one dependency less',
    before: { tasks: { a: {}, c: { after: ['a'] }, b: { after: ['a', 'c'] } } },
    after: { tasks: { a: {}, c: { after: ['a'] }, b: { after: ['c'] } } },
    change: 'w::b it does not need a any more',
    lowest: '1.5.0',
  },
  {
    what: 'another timeout',
    before: {},
    after: { tasks: { a: { timeout: '2s' }, b: { after: ['a'] } } },
    change: 'w::a timeout: 60000 ms is 2000 ms now',
    lowest: '1.4.3',
  },
  {
    what: 'another retry policy',
    before: { tasks: { a: { retry: { attempts: 2 } } } },
    after: { tasks: { a: { retry: { attempts: 5 } } } },
    change: 'w::a retry.attempts: 2 is 5 now',
    lowest: '1.4.3',
  },
  {
    what: 'a required property more',
    before: { input: { type: 'object', properties: { day: { type: 'string' } } } },
    after: {
      input: { type: 'object', properties: { day: { type: 'string' } }, required: ['day'] },
    },
    change: 'w input: day is required now',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'an optional property more',
    before: { input: { type: 'object', properties: {} } },
    after: { input: { type: 'object', properties: { day: { type: 'string' } } } },
    change: 'w input: day is new',
    lowest: '1.5.0',
  },
  {
    what: 'a schema where there was none',
    before: {},
    after: { input: 'opaque' },
    change: 'w not everything is taken: it has a schema now',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'a secret more',
    before: {},
    after: { secrets: ['TOKEN'] },
    change: 'operator the secret TOKEN is needed now',
    lowest: '2.0.0',
    breaking: true,
  },
  {
    what: 'a permission less',
    before: { permissions: { net: true, env: ['TZ'] } },
    after: { permissions: { env: ['TZ'] } },
    change: 'operator the permission net is not needed any more',
    lowest: '1.4.3',
  },
]

t.test('without a change the own number is enough, and a lower one is not', (t) => {
  t.match(compareInterfaces(made(), made({ version: '1.4.2' })), { changes: [], honoured: true })
  t.equal(compareInterfaces(made(), made({ version: '1.4.1' })).honoured, false)
  t.end()
})

for (const { what, before, after, change, lowest, breaking = false } of CASES) {
  t.test(`${what} asks for ${lowest}`, (t) => {
    const compared = compareInterfaces(made(before), made({ version: lowest, ...after }))
    const lines = compared.changes.map((one) => `${one.where} ${one.what}`)
    t.ok(lines.includes(change), lines.join('; '))
    t.match(compared, { lowest, breaking, honoured: true })
    const same = compareInterfaces(made(before), made({ version: '1.4.2', ...after }))
    t.notOk(same.honoured, 'its own number is never enough for a change')
    if (lowest !== '1.4.3') {
      t.notOk(compareInterfaces(made(before), made({ version: '1.4.3', ...after })).honoured)
    }
    t.end()
  })
}

t.test('equal interfaces ask for a patch, and keep their digest', (t) => {
  const turned = made({ version: '1.4.3', tasks: { b: { after: ['a'] }, a: { timeout: '1s' } } })
  t.match(compareInterfaces(made(), made({ version: '1.4.3' })), {
    changes: [],
    bump: 'patch',
    lowest: '1.4.3',
    honoured: true,
  })
  t.equal(interfaceDigest(turned), interfaceDigest(made()), 'order and policies are not in it')
  const titled = { type: 'object', title: 'T', properties: { title: { description: 'x' } } }
  const plain = { type: 'object', properties: { title: {} } }
  t.equal(interfaceDigest(made({ input: titled })), interfaceDigest(made({ input: plain })))
  t.not(interfaceDigest(made({ input: plain })), interfaceDigest(made()))
  t.not(interfaceDigest(made({ tasks: { a: {}, b: {} } })), interfaceDigest(made()))
  t.end()
})

t.test('what no JSON Schema tells is named as not compared', (t) => {
  const opaque = compareInterfaces(made({ input: 'opaque' }), made({ input: {}, version: '1.4.3' }))
  t.same(opaque.changes, [])
  t.match(opaque.unchecked, [/^w: its schema can be read by its own library only, in one/])
  t.end()
})

t.test('below 1.0.0 and for prereleases the numbers are read as npm reads ranges', (t) => {
  const gone: Shape = { tasks: { a: {} } }
  const lowest = (from: string, change: Shape = gone): string =>
    compareInterfaces(made({ version: from }), made({ version: '9.0.0', ...change })).lowest
  t.equal(lowest('0.3.1'), '0.4.0')
  t.equal(lowest('0.0.4'), '0.0.5')
  t.equal(lowest('0.3.1', { tasks: { ...BASE, c: {} } }), '0.3.2')
  t.equal(lowest('2.0.0-rc.1'), '2.0.0')
  const to = (version: string): boolean =>
    compareInterfaces(made(), made({ version, ...gone })).honoured
  t.ok(to('2.0.0-rc.1'), 'a prerelease of what is asked for')
  t.notOk(to('1.5.0-rc.1'))
  t.notOk(to('1.0.0'))
  t.end()
})

const object = (properties: object, more: object = {}): Record<string, unknown> => ({
  type: 'object',
  properties,
  ...more,
})

const SCHEMAS: readonly (readonly [string, object, object, boolean])[] = [
  ['a type more', { type: 'string' }, { type: ['string', 'null'] }, false],
  ['a type less', { type: ['string', 'null'] }, { type: 'string' }, true],
  ['whole numbers instead of numbers', { type: 'number' }, { type: 'integer' }, true],
  ['numbers instead of whole ones', { type: 'integer' }, { type: 'number' }, false],
  ['a value more', { enum: ['a'] }, { enum: ['a', 'b'] }, false],
  ['a value less', { enum: ['a', 'b'] }, { const: 'a' }, true],
  ['a lower maximum', { maximum: 10 }, { maximum: 5 }, true],
  ['a higher maximum', { maximum: 5 }, { maximum: 10 }, false],
  ['a new minimum', {}, { minLength: 1 }, true],
  ['no minimum', { minItems: 1 }, {}, false],
  ['another pattern', { pattern: 'a' }, { pattern: 'b' }, true],
  ['no format', { format: 'date' }, {}, false],
  ['a closed object', object({}), object({}, { additionalProperties: false }), true],
  ['an open object', object({}, { additionalProperties: false }), object({}), false],
  ['a property less, closed', object({ a: {} }), object({}, { additionalProperties: false }), true],
  ['a property less, open', object({ a: {} }), object({}), false],
  ['a narrower property', object({ a: {} }), object({ a: { type: 'string' } }), true],
  ['narrower items', { items: {} }, { items: { type: 'string' } }, true],
  [
    'an alternative more',
    { anyOf: [{ const: 1 }] },
    { anyOf: [{ const: 1 }, { const: 2 }] },
    false,
  ],
  ['an alternative less', { oneOf: [{ const: 1 }, { const: 2 }] }, { oneOf: [{ const: 2 }] }, true],
  ['another default', { default: 1 }, { default: 2 }, false],
  ['a keyword nobody knows', {}, { dependentRequired: { a: ['b'] } }, true],
  ['nothing taken', object({ a: true }), object({ a: false }), true],
]

for (const [what, before, after, breaking] of SCHEMAS) {
  t.test(`an input with ${what} is ${breaking ? 'breaking' : 'compatible'}`, (t) => {
    const changes = compareSchemas({ ...before }, { ...after })
    t.ok(changes.length > 0)
    t.equal(
      changes.some((change) => change.breaking),
      breaking,
      changes.map((change) => change.what).join('; '),
    )
    t.end()
  })
}

t.test('a schema equals itself, and narrowing it and back is breaking one way at least', (t) => {
  const leaf = fc.constantFrom<Record<string, unknown>>(
    { type: 'string' },
    { type: 'number', minimum: 1 },
    { enum: ['a', 'b'] },
    {},
  )
  const schema = fc
    .dictionary(fc.constantFrom('a', 'b', 'c'), leaf)
    .chain((properties) =>
      fc
        .tuple(fc.subarray(Object.keys(properties)), fc.boolean())
        .map(([required, closed]) =>
          object(properties, { required, ...(closed ? { additionalProperties: false } : {}) }),
        ),
    )
  holds(
    t,
    fc.property(schema, schema, (one, other) => {
      const same = compareSchemas(one, structuredClone(one)).length === 0
      const differ = compareSchemas(one, other).length > 0
      // Different only in order or in what is left out: then both ways say nothing.
      return same && differ === compareSchemas(other, one).length > 0
    }),
  )
  t.end()
})
