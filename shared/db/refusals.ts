import { type Code, EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'

/** An error of Postgres or of the connection to it, as far as we look at it. */
export type DatabaseError = Error & {
  code?: string
  column?: string
  constraint?: string
  severity?: string
  hint?: string
  detail?: string
}

/** The connection is gone or going: the outcome of what was on it is unknown. */
export const isConnectionLoss = ({ code = '', message, severity }: DatabaseError): boolean =>
  severity === 'FATAL' ||
  /^(57P0[1-5]|08|ECONN|EPIPE|ETIMEDOUT|EHOST|ENETUNREACH|ENOTFOUND|EAI_AGAIN|53300)/.test(code) ||
  /Connection terminated|Client has encountered a connection error|not queryable|Query read timeout|no answer within/.test(message)

/** The connection is open, and nothing came over it for as long as an answer may take. */
export const isSilence = ({ message }: DatabaseError): boolean => /no answer within/.test(message)

/** A row was on its way to the default partition when its month was made: planned anew it goes there. */
const isOvertaken = ({ code, message }: DatabaseError): boolean => code === '23514' && message.includes('violates partition constraint')

/** A statement that Postgres may accept if it is simply sent again: serialization failure, deadlock. */
const isTransient = (error: DatabaseError): boolean => error.code === '40001' || error.code === '40P01' || isOvertaken(error)

/** A prepared statement that the server no longer has, or whose result changed under a migration: a fresh connection mends it. */
export const isStalePlan = ({ code, message }: DatabaseError): boolean =>
  code === '26000' || code === '42P05' || (code === '0A000' && message.includes('cached plan'))

const mayWrite = (error: DatabaseError): boolean => isTransient(error) || isStalePlan(error)

/** Whether what failed so may be sent again: a change of which nothing was made, a read whose connection was lost for the first time. */
export const again = {
  write: mayWrite,
  read: () => {
    let losses = 0
    return (error: DatabaseError): boolean => mayWrite(error) || (isConnectionLoss(error) && losses++ === 0)
  },
}

/**
 * The one place where Postgres's codes become refusals. What is not listed is our own fault and passes as it is (a 500).
 * Codes AHnnn are raised by our own functions in sql/.
 */
export const toRefusal = (error: DatabaseError): Error => {
  const refuse = (code: Code, detail: string, retryAfter?: number) =>
    new Refusal(code, detail, { cause: error, ...(retryAfter === undefined ? {} : { retryAfter }) })
  /**
   * A refusal of our own in SQL. Its words are the hint, which may name what was sent: Postgres's log has the message alone. Its detail
   * may be the JSON of the places in the request that it is about.
   */
  const refuseAt = (code: Code) =>
    new Refusal(code, error.hint ?? error.message, { cause: error, ...(error.detail ? { errors: JSON.parse(error.detail) } : {}) })
  if (isOvertaken(error)) return refuse('unavailable', 'where this belongs is being made', 1)
  switch (error.code) {
    case 'AH400':
      return refuseAt('invalid_request')
    case 'AH401':
      return refuse('unauthenticated', 'the API key or session is unknown, expired or revoked')
    case 'AH403':
      return refuse('forbidden', error.message)
    case 'AH404':
      return refuseAt('not_found')
    case 'AH409':
      return refuse('conflict', 'a request with this Idempotency-Key is in flight', 1)
    case 'AH410':
      return new EpochMoved(error)
    case 'AH419':
      return refuse('conflict', error.detail ?? error.message, error.hint === undefined ? undefined : Number(error.hint))
    case 'AH411':
      return refuseAt('conflict')
    case 'AH412':
      return refuseAt('version_mismatch')
    case 'AH422':
      return refuse('idempotency_key_reused', 'this Idempotency-Key was used for another request')
    case 'AH503':
      return refuse('unavailable', error.message, 30)
    case '23505':
      return refuse('conflict', 'a record with this key exists already')
    case '23503':
      return refuse('conflict', 'another record still refers to this one, or the one it refers to is gone')
    case '23514': // check
    case '22001': // too long
    case '22003': // out of range
    case '22007': // bad time
    case '22008': // time out of range
    case '22021': // bad encoding
    case '22P02': // bad text of a type
    case '22P05': // untranslatable character
    case '54000': // program limit
    case '54001': // nested too deep
      return refuse('invalid_request', `the database refuses a value${error.constraint ? ` (${error.constraint})` : ''}`)
    case '57014':
      return refuse('unavailable', 'the statement ran into its time-out', 1)
    case '40001':
    case '40P01':
      return refuse('unavailable', 'too many concurrent changes of the same rows', 1)
    case '53100': // disk full
    case '53200': // out of memory
    case '25006': // read-only, a failover in progress
    case '55P03': // lock not available
      return refuse('unavailable', 'the database cannot do this now', 5)
  }
  return isConnectionLoss(error) ? refuse('unavailable', 'the database cannot be reached', 1) : error
}

/** The same for what came after a change was sent: a lost connection leaves its outcome open. */
export const toWriteRefusal = (error: DatabaseError): Error => (isConnectionLoss(error) ? new OutcomeUnknown(error) : toRefusal(error))
