import t from 'tap'
import { didYouMean, nearest } from '../../src/base/nearest.ts'

t.test('the closest names come first, and none that is far', (t) => {
  const names = ['transform_data', 'transform_date', 'extract_data', 'load']
  t.same(nearest('transform_dta', names), ['transform_data', 'transform_date'])
  t.same(nearest('completely_else', names), [])
  t.same(nearest('lod', names), ['load'])
  t.same(nearest('x', ['abc', 'ab', 'y']), ['y', 'ab'])
  t.end()
})

t.test('names at the same distance come in their own order, at most three', (t) => {
  t.same(nearest('task0', ['task9', 'task3', 'task1', 'task2']), ['task1', 'task2', 'task3'])
  t.same(nearest('task0', ['task9', 'task3'], 1), ['task3'])
  t.same(nearest('', []), [])
  t.end()
})

t.test('the question is empty when nothing is near', (t) => {
  t.equal(didYouMean('inputs', ['input', 'deps']), '; did you mean input?')
  t.equal(didYouMean('b', ['a', 'c']), '; did you mean a, c?')
  t.equal(didYouMean('weather', ['input', 'deps']), '')
  t.end()
})
