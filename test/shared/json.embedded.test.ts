import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Refusal } from '../../shared/errors.ts'
import { LosslessNumber, parseBody, parseJson, stringify } from '../../shared/json.ts'

/** Numbers as they are written: any digits, fraction, exponent. */
const literal = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,24})?([eE][+-]?\d{1,3})?$/)
/** The value of a number as a fraction of whole numbers, exactly. */
const exact = (text: string): string => {
  const [, sign, whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = BigInt(whole + fraction)
  const shift = Number(exponent) - fraction.length
  const [top, bottom] = shift >= 0 ? [digits * 10n ** BigInt(shift), 1n] : reduced(digits, -shift)
  return `${top === 0n ? '' : sign}${top}/${bottom}`
}
const reduced = (digits: bigint, places: number): [bigint, bigint] => {
  let [top, left] = [digits, places]
  while (left > 0 && top % 10n === 0n) [top, left] = [top / 10n, left - 1]
  return [top, 10n ** BigInt(left)]
}

test('what JSON.parse reads exactly is read alike, and written alike', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
      const text = JSON.stringify(value)
      expect(JSON.parse(stringify(parseJson(text)))).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

test('a number keeps its value to the last digit, wherever it stands', () => {
  fc.assert(
    fc.property(
      literal,
      fc.constantFrom('@', '[@]', '{"a":@}', '{"a":[ 1, @ ,{"b":@}]}', '{"":\n@\t}', '["1",@,"1e5"]'),
      (number, around) => {
        const text = stringify(parseJson(around.replaceAll('@', number)))
        const written = [...text.replace(/"[^"]*"/g, '').matchAll(/-?\d[\d.eE+-]*/g)].map(([one]) => one)
        expect(written.map(exact)).toContain(exact(number))
      },
    ),
    { numRuns: 2000 },
  )
})

test.each(['9007199254740993', '12345678901234567890', '0.1000000000000000055', '1e400', '-1e-400', '123456789012345.6789'])(
  '%s is kept as it was written',
  text => expect(stringify(parseJson(`[${text}]`))).toBe(`[${text}]`),
)

test('a number that a double holds exactly is a number', () => {
  for (const text of ['0', '-1', '0.1', '1e3', '900719925474099']) expect(parseJson(text)).toBeTypeOf('number')
  expect(parseJson('9007199254740993')).toBeInstanceOf(LosslessNumber)
})

test('digits inside a text are text', () => {
  const text = '{"12345678901234567890":"1e400 12345678901234567890"}'
  expect(stringify(parseJson(text))).toBe(text)
})

test.each(['{"__proto__":1}', '{"__proto__":12345678901234567890}'])('%s is a field like any other', text => {
  const value = parseJson(text) as object
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect(stringify(value)).toBe(text)
})

test.each(['{"a":1,"a":2}', '{"a":12345678901234567890,"a":2}'])('of a field given twice in %s the last stands, as in JSON.parse', text => {
  expect(stringify(parseJson(text))).toBe('{"a":2}')
})

test.each(['', '{', '[1,]', "{'a':1}", '01', '1.', '.5', '+1', 'NaN', '[12345678901234567890,]', '[012345678901234567890]', '1e400x'])(
  '%j is refused as JSON.parse refuses it',
  text => {
    expect(() => JSON.parse(text)).toThrow()
    expect(() => parseBody(text)).toThrow(Refusal)
  },
)

test('a body that is a text alone is looked into as well', () => {
  expect(() => parseBody('"\\u0000"')).toThrow(/U\+0000/)
  expect(() => parseBody('"\\ud800"')).toThrow(/surrogate/)
  expect(parseBody('"\\ud83d\\ude00"')).toBe('😀')
})

test('a field without a value is left out, beside exact numbers too', () => {
  const big = new LosslessNumber('12345678901234567890')
  expect(stringify({ a: undefined, b: [big, { c: undefined }] })).toBe('{"b":[12345678901234567890,{}]}')
})

test('exponents that would make a small body a large record are refused; those of vectors are not', () => {
  const list = (one: string, times: number) => `[${Array(times).fill(one).join()}]`
  expect(() => parseBody(list('1e999', 20_000))).toThrow(/exponent/)
  expect(() => parseBody(list('1e-300', 20_000))).toThrow(/exponent/)
  expect(parseBody(list('1.2345678e-8', 200_000))).toHaveLength(200_000)
  expect(parseBody(list('1e-8', 200_000))).toHaveLength(200_000)
  expect(parseBody('1e999')).toEqual(new LosslessNumber('1e999'))
})
