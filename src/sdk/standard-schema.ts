/**
 * The public Standard Schema v1 shape, so that any library that implements it (or an object written
 * by hand) can describe an input or a configuration. Types only: the SDK depends on none of them.
 */

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** Where the library has it: the schema as JSON Schema, which packing writes down. */
    readonly jsonSchema?:
      | {
          readonly input: (options: {
            readonly target: 'draft-2020-12'
          }) => Readonly<Record<string, unknown>>
        }
      | undefined
    /** Never present at run time: carries the types only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  /** Where in the value; a segment is a key or an object that holds the key. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What the caller may write. */
export type SchemaInput<S> = S extends {
  readonly '~standard': { readonly types?: { readonly input: infer Input } | undefined }
}
  ? Input
  : never

/** What the task receives, after defaults and transformations. */
export type SchemaOutput<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined }
}
  ? Output
  : never
