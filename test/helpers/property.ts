import fc from 'fast-check'

interface Asserter {
  ok(value: unknown, message: string): unknown
}

/** One assertion of `t`: the property holds for every generated case; else its counterexample. */
export function holds<Values>(
  t: Asserter,
  property: fc.IProperty<Values>,
  parameters?: fc.Parameters<Values>,
): void {
  const report = fc.check(property, parameters)
  t.ok(
    !report.failed,
    fc.defaultReportMessage(report) ?? `the property holds in ${report.numRuns} cases`,
  )
}
