/** A long-lived part of the daemon. `stop` may be called twice and after a failed start. */
export interface Service {
  readonly name: string
  start(): Promise<void>
  stop(): Promise<void>
}

/** Starts services in order; when one fails, stops what was started, in reverse, and throws its error. */
export async function startAll(services: readonly Service[]): Promise<void> {
  const started: Service[] = []
  try {
    for (const service of services) {
      started.push(service)
      await service.start()
    }
  } catch (error) {
    await stopAll(started)
    throw error
  }
}

/** Stops services in reverse order. Every one is stopped even if another fails; the first failure is thrown at the end. */
export async function stopAll(services: readonly Service[]): Promise<void> {
  let failure: { error: unknown } | undefined
  for (const service of services.toReversed()) {
    try {
      await service.stop()
    } catch (error) {
      failure ??= { error }
    }
  }
  if (failure) throw failure.error
}
