/** Letters as rows of a table. */
import type { StoredLetter } from '../core/letter.js'
import { renderFailure } from '../failures/render.js'
import { short } from './keys.js'
import { shortened } from './misses.js'
import type { Style } from './style.js'
import type { Column } from './table.js'
import { ago } from './time.js'

export const letterColumns = (now: number, { yellow, dim, red }: Style): readonly Column<StoredLetter>[] => [
  { title: 'KEY', of: ({ key }) => short(key), paint: yellow },
  { title: 'ID', of: ({ id }) => id, most: 24 },
  { title: 'STATE', of: ({ state }) => (state === 'dead' ? '' : state) },
  { title: 'FAILURE', of: ({ failure }) => failure._tag, paint: red },
  { title: 'ROUTE', of: ({ route }) => route ?? '', most: 24 },
  { title: 'TRIES', of: ({ attemptCount }) => String(attemptCount), isNumber: true },
  { title: 'LAST SEEN', of: ({ lastSeenAt }) => ago(lastSeenAt, now), paint: dim },
  { title: 'WHY', of: whyOf }
]

/** The first line of what is known of the failure. */
export const whyOf = ({ failure }: Pick<StoredLetter, 'failure'>): string =>
  renderFailure(shortened(failure)).split('\n')[0] ?? ''
