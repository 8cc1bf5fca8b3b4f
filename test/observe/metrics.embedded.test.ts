import { expect, test } from 'vitest'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { metricsBody } from '../../shared/observe/otlp.ts'

test('the buckets of the text each hold what those below hold, up to the bound itself, and the last one all', async () => {
  const metrics = makeMetrics()
  for (const seconds of [0.05, 0.1, 60, 9999]) metrics.job('j', seconds, 'succeeded')
  expect(await metrics.text()).toBe(`# HELP job_duration_seconds Runs of jobs by their outcome
# TYPE job_duration_seconds histogram
job_duration_seconds_count{job="j",outcome="succeeded"} 4
job_duration_seconds_sum{job="j",outcome="succeeded"} 10059.15
job_duration_seconds_bucket{job="j",outcome="succeeded",le="0.1"} 2
job_duration_seconds_bucket{job="j",outcome="succeeded",le="1"} 2
job_duration_seconds_bucket{job="j",outcome="succeeded",le="10"} 2
job_duration_seconds_bucket{job="j",outcome="succeeded",le="60"} 3
job_duration_seconds_bucket{job="j",outcome="succeeded",le="300"} 3
job_duration_seconds_bucket{job="j",outcome="succeeded",le="1800"} 3
job_duration_seconds_bucket{job="j",outcome="succeeded",le="+Inf"} 4
`)
})

test('a label is quoted, whatever is in it', async () => {
  const metrics = makeMetrics()
  metrics.cache('a "b"\\\nc', 'process', 'hit', 3)
  expect(await metrics.text()).toContain('cache_looks_total{cache="a \\"b\\"\\\\\\nc",tier="process",outcome="hit"} 3\n')
})

test('a gauge that cannot be read is told and left out, and so is what was never measured', async () => {
  const lines: string[] = []
  const metrics = makeMetrics(makeLog('warning', undefined, line => lines.push(line)))
  metrics.gauge('fails', '', () => Promise.reject(new Error('no')))
  metrics.gauge('none', '', () => [])
  metrics.gauge('one', 'One', () => 1)
  expect(await metrics.text()).toBe('# HELP one One\n# TYPE one gauge\none{} 1\n')
  expect(lines).toHaveLength(1)
})

test('what was collected stays as it was while more is measured, and is sent with the counts of each bucket by itself', async () => {
  const metrics = makeMetrics()
  metrics.redis(0.003, 'ok')
  metrics.cache('c', 'redis', 'miss')
  const collected = await metrics.collect()
  metrics.redis(0.003, 'ok')
  metrics.cache('c', 'redis', 'miss')
  const sent = JSON.parse(JSON.stringify(metricsBody({}, collected)))
  const [asked, looks] = sent.resourceMetrics[0].scopeMetrics[0].metrics
  expect(asked.histogram.dataPoints).toEqual([
    expect.objectContaining({
      attributes: [{ key: 'outcome', value: { stringValue: 'ok' } }],
      ...{ count: 1, sum: 0.003, bucketCounts: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
      explicitBounds: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    }),
  ])
  expect(looks.sum).toMatchObject({ isMonotonic: true, dataPoints: [{ asDouble: 1 }] })
  expect(BigInt(asked.histogram.dataPoints[0].startTimeUnixNano)).toBeLessThanOrEqual(BigInt(asked.histogram.dataPoints[0].timeUnixNano))
})
