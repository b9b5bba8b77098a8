/** Runs asynchronous jobs one after the other, in the order they were given. A failing job does not stop the next. */
export interface Queue {
  add<T>(job: () => T | Promise<T>): Promise<T>
  /** Resolves when everything given so far has run. */
  idle(): Promise<void>
}

export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve()
  return {
    add(job) {
      const result = last.then(job)
      last = result.catch(() => undefined)
      return result
    },
    idle: () => last.then(() => undefined),
  }
}
