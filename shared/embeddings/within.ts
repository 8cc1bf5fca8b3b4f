import { unavailable } from './ask.ts'

/** Whether nobody waits any more. */
export type Signal = { late: boolean }

/** Waits for some work no longer than it may take; the work hears that it is late. Throws unavailable. */
export const within = async <T>(milliseconds: number, work: (signal: Signal) => Promise<T>): Promise<T> => {
  const signal = { late: false }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      signal.late = true
      reject(unavailable(`vectors took longer than ${milliseconds} ms`))
    }, milliseconds)
  })
  try {
    return await Promise.race([work(signal), late])
  } finally {
    clearTimeout(timer)
  }
}
