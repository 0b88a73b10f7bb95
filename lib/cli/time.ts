/** Times and sizes, as people write and read them. */

// reading

/** Milliseconds of `90s`, `15min`, `2h`, `3d`; `undefined` for anything else. */
export const durationOf = (text: string): number | undefined => {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text) ?? []
  const unitMs = units.get(unit.toLowerCase())
  return count === undefined || unitMs === undefined ? undefined : Number(count) * unitMs
}

/** A time that was so long ago, or is said as ISO 8601; in UTC unless it names a zone. */
export const timeOf = (text: string, now: number): number | undefined => {
  const beforeMs = durationOf(text)
  if (beforeMs !== undefined) return now - beforeMs
  const [, date, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/i.exec(text) ?? []
  if (date === undefined || !isDate(date)) return undefined
  const at = Date.parse(`${date}${time.replace(' ', 'T')}${zone}`)
  return Number.isNaN(at) ? undefined : at
}

/** Bytes of `500`, `64kB`, `20MiB`, `1GB`. */
export const bytesOf = (text: string): number | undefined => {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? []
  const [, letter = '', binary = ''] = /^([kmgt]?)(i?)b?$/i.exec(unit) ?? [undefined, 'none']
  const power = ['', 'k', 'm', 'g', 't'].indexOf(letter.toLowerCase())
  return count === undefined || power < 0
    ? undefined
    : Math.round(Number(count) * (binary === '' ? 1_000 : 1_024) ** power)
}

// rendering

/** ISO 8601 in UTC; what is no time is said as it is. */
export const iso = (at: number): string =>
  Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at)

/** Like `3 min ago`. */
export const ago = (at: number, now: number): string => {
  const seconds = Math.floor((now - at) / 1_000)
  if (seconds < 0) return iso(at)
  if (seconds < 10) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)} h ago`
  return `${Math.floor(seconds / 86_400)} days ago`
}

/** Like `4:05`, of seconds. */
export const clockTime = (seconds: number): string =>
  [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
    .filter((part, index) => index > 0 || part > 0)
    .map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0')))
    .join(':')

export const counted = (count: number): string => count.toLocaleString('en-US')

/** `1 letter`, `2 letters`. */
export const letters = (count: number): string => `${counted(count)} ${count === 1 ? 'letter' : 'letters'}`

export const size = (bytes: number): string => {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1)) / 3)))
  return power === 0
    ? `${bytes} B`
    : `${(bytes / 1_000 ** power).toPrecision(3)} ${['kB', 'MB', 'GB', 'TB'][power - 1]}`
}

// helpers

/** JavaScript takes a 30th of February for a day in March. */
const isDate = (date: string): boolean => {
  const at = Date.parse(date)
  return !Number.isNaN(at) && iso(at).startsWith(date)
}

const units: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['sec', 1_000],
  ['m', 60_000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 7 * 86_400_000]
])
