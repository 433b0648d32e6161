import t from 'tap'
import { taskBody, workflowAnswer } from '../../src/domain/workflow-values.ts'

const workflow = { tasks: [{ name: 'read' }, { name: 'sum' }, { name: 'show' }], sinks: [1, 2] }

t.test('a task is given the input and the outputs it named, texts as they are', (t) => {
  t.equal(taskBody(workflow, [], '', []), '{"deps":{}}')
  const body = taskBody(workflow, [0, 1], '{"n":1}', ['[1, 2]', undefined])
  t.equal(body, '{"input":{"n":1},"deps":{"read":[1, 2],"sum":null}}')
  t.end()
})

t.test('the answer of a workflow has the tasks nothing depends on', (t) => {
  t.equal(workflowAnswer(workflow, ['1', '2', '"x"']), '{"sum":2,"show":"x"}')
  t.end()
})
