import type { Connection, Submittable } from 'pg'

/**
 * One statement: a name (its prepared statement, its metric), its text, and its values as Postgres text, in order. A `nameless` one
 * is prepared for this once: texts without bound would fill the server's memory, and its plan is made for its values.
 */
export type Statement = {
  readonly name: string
  /** What it is prepared as where that is another name. */
  readonly as?: string
  readonly text: string
  /** The same, which answers after its own columns the one entry that it leaves behind: whether it is removed, and its JSON. */
  readonly whole?: string
  readonly values: readonly Value[]
  readonly nameless?: true
  /**
   * Planned once a connection, for any values: a list, which reads an index in its order. A limit that is not known seems to be a tenth
   * of all, so that PostgreSQL would plan it anew each time, for as long as it takes to read 50 rows.
   */
  readonly planned?: 'once' | undefined
  /** Milliseconds that it lets a statement behind it run, where that is longer than others may. */
  readonly lasts?: number
}
export type Value = string | number | boolean | null | Buffer

/** A batch is called by what it does last. */
export const nameOf = (statements: readonly Statement[]): string =>
  ((statements.findLast(statement => statement.text !== 'commit') ?? statements.at(-1)) as Statement).name

/** A result row: each column as Postgres's text, in the order of the select list. */
export type Columns = readonly (string | null)[]

/** What `pg` keeps on a connection beside its public type. */
type Wire = Connection & {
  stream: { write(bytes: Buffer): void }
  parsedStatements: Record<string, string>
  on(event: 'parseComplete', listener: () => void): void
  off(event: 'parseComplete', listener: () => void): void
}

/**
 * Several statements in ONE round trip: Parse, Bind and Execute of each, then a single Sync, so that Postgres runs them as one
 * implicit transaction and answers once. An error undoes and ends the whole batch. Statements are prepared once a connection
 * under their names; no Describe is sent, so rows are text by position.
 *
 * `done` resolves to the rows of each statement, in order.
 */
export class Batch implements Submittable {
  readonly done: Promise<Columns[][]>
  readonly #statements: readonly Statement[]
  readonly #results: Columns[][] = []
  #rows: Columns[] = []
  #parsing: Statement[] = []
  #failed = false
  #lastTag = ''
  #connection: Wire | undefined
  #resolve!: (results: Columns[][]) => void
  #reject!: (error: Error) => void

  constructor(statements: readonly Statement[]) {
    this.#statements = statements
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    const wire = connection as Wire
    this.#connection = wire
    inOneWrite(wire, writer => {
      for (const statement of this.#statements) this.#send(writer, statement)
      writer.sync()
    })
    if (this.#parsing.length > 0) wire.on('parseComplete', this.#parsed)
  }

  #send(wire: Wire, { nameless, text, values, ...statement }: Statement): void {
    const name = nameless ? '' : (statement.as ?? statement.name)
    const known = nameless ? undefined : wire.parsedStatements[name]
    if (known !== undefined && known !== text) throw new Error(`two statements are named '${name}'`)
    if (known === undefined && (nameless || !this.#parsing.some(other => other.name === name))) {
      wire.parse({ name, text, types: [] }, true)
      this.#parsing.push({ name, text, values: [] })
    }
    wire.bind({ statement: name, values: values.map(toText) }, true)
    wire.execute(null, true)
  }

  /** Answers come in the order of the Parses: each makes one statement known to this connection. */
  readonly #parsed = () => {
    const statement = this.#parsing.shift()
    if (statement?.name && this.#connection) this.#connection.parsedStatements[statement.name] = statement.text
  }

  #end(): void {
    this.#connection?.off('parseComplete', this.#parsed)
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#rows.push(fields)
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#lastTag = text
    this.#results.push(this.#rows)
    this.#rows = []
  }

  handleEmptyQuery(): void {
    this.#results.push([])
  }

  handleReadyForQuery(): void {
    this.#end()
    if (this.#failed) return
    const last = this.#statements.at(-1)
    if (last?.text === 'commit' && this.#lastTag !== 'COMMIT') this.#reject(new Error(`commit answered ${this.#lastTag}`))
    else this.#resolve(this.#results)
  }

  /** `pg` calls no other method after this one, so the promise must be settled here. */
  handleError(error: Error): void {
    this.#failed = true
    this.#end()
    this.#reject(error)
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}

/**
 * Gathers the messages that `work` sends and writes them at once: `pg` writes each by itself, and a system call costs more than
 * all the rest of a batch. The embedded engine's connection gathers by itself until the Sync.
 */
const inOneWrite = (wire: Wire, work: (writer: Wire) => void): void => {
  const messages: Buffer[] = []
  const gathers = '_send' in wire
  work(gathers ? Object.create(wire, { _send: { value: (message: Buffer) => messages.push(message) } }) : wire)
  if (gathers) wire.stream.write(Buffer.concat(messages))
}

const toText = (value: Value): string | Buffer | null =>
  value === null || typeof value === 'string' || Buffer.isBuffer(value) ? value : String(value)
