import { Refusal, statusOf } from '../errors.ts'

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

/**
 * An error for the log: its name, its code and its frames. What it says is left out, of its causes too, where that may quote what
 * somebody sent: a refusal of theirs (they have read it), a value that Postgres or a parser could not take.
 */
const describe = (error: unknown, quotes = false): unknown => {
  if (!(error instanceof Error)) return typeof error
  const { code, constraint } = error as { code?: unknown; constraint?: unknown }
  const silent = quotes || mayQuote(error)
  return {
    name: error.name,
    code,
    constraint,
    ...(silent ? {} : { message: error.message }),
    frames: framesOf(error),
    ...(error.cause === undefined ? {} : { cause: describe(error.cause, silent) }),
  }
}

/** Postgres's states that speak of our statements, of the server or of the connection to it. All others may quote a value. */
const UNQUOTING = /^(?:08|25|26|40|42|53|55|57|58)(?!601)...$/
const SQLSTATE = /^[0-9A-Z]{5}$/

const mayQuote = (error: Error): boolean => {
  if (error instanceof Refusal) return statusOf[error.code] < 500
  const code = String((error as { code?: unknown }).code)
  return error instanceof SyntaxError || (SQLSTATE.test(code) && !UNQUOTING.test(code))
}

/** Where an error was thrown. The stack begins with what it says, which may hold lines that look like frames. */
const framesOf = ({ stack = '', message }: Error): string[] =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter(line => /^ {4}at /.test(line))
    .map(line => line.slice(7))
