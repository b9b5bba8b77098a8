import { Worker } from 'node:worker_threads'

/** Runs a compiled worker to its end; resolves with what it posted last, undefined when it posted nothing. Rejects when it fails. */
export function runWorker(worker: URL, input: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(worker, { workerData: input })
    let answer: unknown
    thread.unref()
    thread.on('message', (message) => {
      answer = message
    })
    thread.once('error', reject)
    thread.once('exit', (code) => {
      if (code === 0) resolve(answer)
      else reject(new Error(`the worker ended with ${code}`))
    })
  })
}
