/** Objects by their names, outside of the database: written once, never again. Names are segments with `/` between them. */
export type Objects = {
  /** False when there is one of that name already, which stays as it is. */
  create(name: string, text: string): Promise<boolean>
  read(name: string): Promise<string>
  /** The names in a folder, `from` being the least that is asked for, in the order of their letters. */
  list(folder: string, from: string): AsyncIterable<string>
}
