/** Direct calls as a program makes them: promises over the invoker's callbacks. */

import { checkInvokeOptions } from '../domain/invoke-options.ts'
import type { Invoker } from '../engine/invoker.ts'
import { answer } from '../hosting/answer.ts'
import { bodyText } from '../hosting/body.ts'
import type { CallableTask, InvokeAnswer, InvokeOptions, TaskAddress } from './api.ts'
import { taskNamespace } from './task-address.ts'

export class Calls {
  readonly #invoker: Invoker

  constructor(invoker: Invoker) {
    this.#invoker = invoker
  }

  invoke(namespace: string, body?: unknown, options: InvokeOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      checkInvokeOptions(options)
      const text = body === undefined ? '' : bodyText(body)
      this.#invoker.call(namespace, text, options, {
        ok: (json) => answer(json, namespace, resolve, reject),
        failed: reject,
      })
    })
  }

  invokeJson(namespace: string, body: string, options: InvokeOptions = {}): Promise<InvokeAnswer> {
    return new Promise((resolve, reject) => {
      checkInvokeOptions(options)
      this.#invoker.call(namespace, body, options, {
        ok: (json, { version, number }, epoch) =>
          resolve({ json, version, generation: number, epoch }),
        failed: reject,
      })
    })
  }

  getTask(address: string | TaskAddress): CallableTask {
    const namespace = taskNamespace(address)
    this.#invoker.check(namespace)
    const call = (body?: unknown, options?: InvokeOptions): Promise<unknown> =>
      this.invoke(namespace, body, options)
    return Object.freeze(Object.assign(call, { namespace }))
  }
}
