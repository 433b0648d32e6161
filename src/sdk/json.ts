/**
 * Which outputs a task may return, as types: values travel as JSON text on every path, so what JSON
 * would lose is refused by the compiler, with the place in the message.
 */

export type JsonPrimitive = string | number | boolean | null

export type JsonValue = JsonPrimitive | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** No value has this type: it stands in an error message of the compiler. */
export interface NotJson<Why extends string> {
  readonly 'not JSON': Why
}

/**
 * `T` itself when it is JSON; else the same shape in which each part that is not JSON is replaced by
 * a NotJson that says where and why, so that assigning `T` to it fails there. `any` and `unknown`
 * pass: they claim nothing, and the value is checked when it is returned. Optional keys pass, keys
 * that are required and may be undefined do not: JSON drops them, and the next task would find the
 * key missing. Lists are followed four levels deep, because a list of itself would unfold for ever.
 */
export type JsonOf<T, Path extends string> = [T] extends [JsonValue]
  ? T
  : unknown extends T
    ? T
    : JsonPart<T, Path>

type JsonPart<T, Path extends string> = T extends JsonPrimitive
  ? T
  : T extends undefined | void
    ? NotJson<`${Path} may be undefined: JSON has null, or leave the key out`>
    : T extends bigint | symbol | Callable
      ? NotJson<`${Path} is a ${KindOf<T>}`>
      : T extends LostInJson
        ? NotJson<`${Path} is a ${NameOf<T>}`>
        : T extends readonly unknown[]
          ? Path extends `${string}[][][][]`
            ? T
            : { [K in keyof T]: JsonOf<T[K], `${Path}[]`> }
          : {
              [K in keyof T]: Record<never, never> extends Pick<T, K>
                ? JsonOf<Exclude<T[K], undefined>, `${Path}.${K & (string | number)}`> | undefined
                : JsonOf<T[K], `${Path}.${K & (string | number)}`>
            }

type Callable = (...args: never) => unknown

type KindOf<T> = T extends bigint ? 'bigint' : T extends symbol ? 'symbol' : 'function'

type LostInJson =
  | Date
  | RegExp
  | Promise<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<WeakKey, unknown>
  | WeakSet<WeakKey>
  | ArrayBufferLike
  | ArrayBufferView

type NameOf<T> = T extends Date
  ? 'Date (return its toISOString())'
  : T extends RegExp
    ? 'RegExp'
    : T extends Promise<unknown>
      ? 'Promise (await it)'
      : T extends ReadonlyMap<unknown, unknown>
        ? 'Map (return Object.fromEntries(it))'
        : T extends ReadonlySet<unknown>
          ? 'Set (return [...it])'
          : T extends WeakMap<WeakKey, unknown> | WeakSet<WeakKey>
            ? 'weak collection'
            : 'buffer (return its base64 text)'
