/** Severities of Cloud Logging that we write, lowest first. */
const severities = ['debug', 'info', 'warning', 'error', 'silent'] as const
export type Severity = Exclude<(typeof severities)[number], 'silent'>

export type Log = {
  /** Writes one line of JSON in the structure that Cloud Logging reads (severity, message, labels of ours). */
  (severity: Severity, message: string, fields?: Record<string, unknown>): void
  /** Whether a severity is written at all. */
  enabled(severity: Severity): boolean
}

/**
 * A log that writes to `write`, from `level` up. A `trace` field becomes Cloud Logging's trace of `project`.
 * What is passed in is written: callers pass names and numbers, never headers, bodies or secrets.
 */
export const makeLog = (
  level: (typeof severities)[number],
  project: string | undefined,
  write: (line: string) => void = line => process.stdout.write(line),
): Log => {
  const least = severities.indexOf(level)
  const enabled = (severity: Severity) => severities.indexOf(severity) >= least
  const log = (severity: Severity, message: string, { trace, error, ...fields }: Record<string, unknown> = {}) => {
    if (!enabled(severity)) return
    const entry: Record<string, unknown> = { severity: severity.toUpperCase(), message, time: new Date().toISOString(), ...fields }
    if (trace !== undefined) entry['logging.googleapis.com/trace'] = project ? `projects/${project}/traces/${trace}` : trace
    if (error !== undefined) entry.error = describe(error)
    write(`${JSON.stringify(entry)}\n`)
  }
  return Object.assign(log, { enabled })
}

/** An error for the log: our own frames and Postgres's code, without the values that its `detail` would quote. */
const describe = (error: unknown): unknown => {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return { name: error.name, code, stack: error.stack, ...(error.cause === undefined ? {} : { cause: describe(error.cause) }) }
}
