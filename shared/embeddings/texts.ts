/** The text of an item that is embedded: whoever writes items and the job that completes them make the same. */
export const embeddedText = {
  knowledge: ({ title, content }: { title: string; content: string }): string => `${title}\n${content}`,
  /** Of a chunk: its document's title would have them all embedded anew where it changes. */
  documents: ({ content }: { content: string }): string => content,
  faqs: ({ question, answer }: { question: string; answer: string }): string => `${question}\n${answer}`,
}
