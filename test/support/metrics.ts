import type { Metrics } from '../../shared/observe/metrics.ts'

/** The present value of a metric, as whoever scrapes it reads it; 0 when it was never measured. */
export const measured = async (metrics: Metrics, name: string, labels = ''): Promise<number> => {
  const line = (await metrics.text()).split('\n').find(one => one.startsWith(`${name}{${labels}`))
  return Number(line?.split('} ')[1] ?? 0)
}
