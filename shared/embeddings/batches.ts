/**
 * Does `work` for batches of `size` of the items, `atOnce` at a time, and gathers in order. After a failure no batch begins; it is
 * thrown when those that had begun have ended.
 */
export const inBatches = async <T, R>(
  items: readonly T[],
  size: number,
  atOnce: number,
  work: (batch: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> => {
  const results: (readonly R[])[] = []
  const failures: unknown[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next * size < items.length && failures.length === 0) {
      const place = next++
      try {
        results[place] = await work(items.slice(place * size, (place + 1) * size))
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  if (failures.length > 0) throw failures[0]
  return results.flat()
}
