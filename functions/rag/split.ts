/** A piece of a text. Its first `overlap` characters (code points) are the end of the piece before it. */
export type Piece = { content: string; overlap: number }

/**
 * The most UTF-16 units of a piece: some 500 tokens of English, and no more than 2,000 in any script, which is what embedding models
 * read of one text; a text that is no longer stays in one piece.
 */
export const LIMIT = 2000
/** The most that a piece repeats of the one before it, so that what refers back across a cut is found. */
export const OVERLAP = 200
/** What a piece adds: more than half of the most, so that pieces weigh alike in a search. */
const MOST = LIMIT - OVERLAP
const LEAST = MOST / 2

/** Made when it is first needed: it takes as long as a tenth of all that a process does before its first answer. */
const segmenterOf = (granularity: 'sentence' | 'word') => {
  let segmenter: Intl.Segmenter | undefined
  return () => {
    segmenter ??= new Intl.Segmenter('en', { granularity })
    return segmenter
  }
}
const sentences = segmenterOf('sentence')
const words = segmenterOf('word')

/** The places behind each segment, moved by `start`. */
const endsOf = (segmenter: () => Intl.Segmenter, text: string, start = 0): number[] =>
  Array.from(segmenter().segment(text), ({ index, segment }) => start + index + segment.length)

/** A sentence may end otherwise where its slice does: so much of what follows is looked at. */
const AHEAD = 64

/** The ends of sentences that one piece can reach. (Of slices: a segmenter's every step costs as much as its whole text is long.) */
const sentenceEnds = (text: string, from: number): number[] =>
  endsOf(sentences, text.slice(from, from + MOST + AHEAD), from).filter(place => place <= from + MOST)

/** What stands before a place as a number that tells nothing but where it is the same (FNV-1a over 32 units). */
const markOf = (text: string, place: number): number => {
  let mark = 0x811c9dc5
  for (let i = Math.max(0, place - 32); i < place; i++) mark = Math.imul(mark ^ text.charCodeAt(i), 0x01000193)
  return mark >>> 0
}

/** The place of the smallest mark: chosen by what stands around it, it is chosen again when something far before it has changed. */
const steadiest = (text: string, places: readonly number[]): number | undefined => {
  let best: { place: number; mark: number } | undefined
  for (const place of places) {
    const mark = markOf(text, place)
    if (best === undefined || mark < best.mark) best = { place, mark }
  }
  return best?.place
}

const endsParagraph = (text: string, place: number): boolean => /\n[^\S\n]*\n\s*$/.test(text.slice(Math.max(0, place - 40), place))

/** Whether a place is in the middle of a row of a table (markdown), where a sentence may end too. */
const inRow = (text: string, place: number): boolean => {
  const before = text.slice(Math.max(0, place - LIMIT), place)
  return !before.endsWith('\n') && before.charAt(before.lastIndexOf('\n') + 1) === '|'
}

/** A place that does not part a surrogate pair. */
const whole = (text: string, place: number): number => {
  const parts = /^[\uDC00-\uDFFF]/.test(text.charAt(place)) && /[\uD800-\uDBFF]$/.test(text.charAt(place - 1))
  return parts ? place - 1 : place
}

/** Where to cut behind `from`: at a paragraph's end, else a sentence's or line's, else between words, else anywhere. */
const cutBehind = (text: string, from: number, ends: readonly number[]): number => {
  const [first, last] = [from + LEAST, whole(text, from + MOST)]
  const within = ends.filter(place => place >= first && !inRow(text, place))
  const paragraphs = within.filter(place => endsParagraph(text, place))
  const sentence = steadiest(text, paragraphs.length > 0 ? paragraphs : within)
  if (sentence !== undefined) return sentence
  const start = whole(text, first)
  const between = endsOf(words, text.slice(start, last), start).filter(place => place < last)
  return steadiest(text, between) ?? last
}

/** Where the piece behind `cut` begins: with the whole sentences that end there, else words, of at most OVERLAP units. */
const beginBefore = (text: string, cut: number, ends: readonly number[]): number => {
  const first = whole(text, cut - OVERLAP)
  const start = first < cut - OVERLAP ? first + 2 : first
  const sentence = ends.find(place => place >= start && place < cut)
  return sentence ?? endsOf(words, text.slice(start, cut), start).find(place => place < cut) ?? start
}

const lengthOf = (text: string): number => {
  let length = 0
  for (const _ of text) length++
  return length
}

/**
 * Cuts a text into pieces of at most LIMIT units that hold every character of it, in order; none where it is blank. The same text
 * gives the same pieces, and a change of it changes the few pieces around: where to cut is chosen by what stands there, as in
 * content-defined chunking (Xia et al., FastCDC, 2016), among the ends of sentences (Unicode annex 29; a line's end is one).
 */
export function* piecesIn(text: string): Generator<Piece> {
  if (text.trim() === '') return
  if (text.length <= LIMIT) return yield { content: text, overlap: 0 }
  for (let from = 0, begin = 0; from < text.length; ) {
    const ends = sentenceEnds(text, from)
    const cut = text.length - from <= MOST ? text.length : cutBehind(text, from, ends)
    yield { content: text.slice(begin, cut), overlap: lengthOf(text.slice(begin, from)) }
    begin = beginBefore(text, cut, ends)
    from = cut
  }
}
