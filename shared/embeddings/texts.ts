/** The text of an item that is embedded: whoever writes items makes it of what was sent. */
export const embeddedText = {
  knowledge: ({ title, content, tags }: { title: string; content: string; tags: readonly string[] }): string =>
    [title, content, ...tags].join('\n'),
  /** Of a chunk: its document's title would have them all embedded anew where it changes. */
  documents: ({ content }: { content: string }): string => content,
  faqs: ({ question, answer }: { question: string; answer: string }): string => `${question}\n${answer}`,
}

/** The same text in SQL, of the columns of a row (`i.`; or '' where they stand alone). */
export const embeddedSql = {
  knowledge: (row: string): string => `array_to_string(array[${row}title, ${row}content] || ${row}tags, E'\\n')`,
  documents: (row: string): string => `${row}content`,
  faqs: (row: string): string => `(${row}question || E'\\n' || ${row}answer)`,
}
