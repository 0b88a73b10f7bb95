// A horizontal bar chart as SVG: groups of bars, and a line where the ratio is 1.
const [width, left, right] = [860, 200, 60]
const [barHeight, barGap, groupGap, top, bottom] = [16, 5, 26, 76, 20]

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

// The panel has a colour of its own, so it can be read on any page, whatever the page thinks of dark and light.
const style = `
    text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .group { font-weight: 600; }
    .value { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
    .note, .tick { fill: #59636e; }
    .panel { fill: #ffffff; stroke: #d1d9e0; }
    .grid { stroke: #d1d9e0; }
    .one { stroke: #59636e; stroke-dasharray: 4 3; }
    .ours { fill: #0969da; }
    .theirs { fill: #a5afb9; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .value { stroke: #0d1117; }
      .note, .tick { fill: #9198a1; }
      .panel { fill: #0d1117; stroke: #3d444d; }
      .grid { stroke: #3d444d; }
      .one { stroke: #9198a1; }
      .ours { fill: #4493f8; }
      .theirs { fill: #656c76; }
    }`

const text = (x, y, content, attributes = '') =>
  `<text x="${x}" y="${y}"${attributes}>${escaped(content)}</text>`
const line = (x, from, to, name) => `<line class="${name}" x1="${x}" x2="${x}" y1="${from}" y2="${to}"/>`
const anchored = (at, name = '') => ` text-anchor="${at}"${name === '' ? '' : ` class="${name}"`}`

/** `groups` are `{ name, bars: [{ name, ratio, ours }] }`; `title` and `note` stand above them. */
export const chart = ({ title, note, groups }) => {
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)))
  const end = Math.ceil(most * 5 + 0.2) / 5
  const x = (ratio) => Math.round(left + (ratio / end) * (width - left - right))
  const ticks = Array.from({ length: Math.round(end * 5) + 1 }, (_, index) => index / 5)
  const drawn = []
  let y = top
  for (const { name, bars } of groups) {
    drawn.push(text(16, y + 13, name, ' class="group"'))
    y += barHeight + barGap
    const last = y + bars.length * (barHeight + barGap)
    drawn.push(...ticks.map((tick) => line(x(tick), y - 3, last, tick === 1 ? 'one' : 'grid')))
    for (const bar of bars) {
      drawn.push(
        text(left - 10, y + 13, bar.name, anchored('end')),
        `<rect class="${bar.ours ? 'ours' : 'theirs'}" x="${left}" y="${y}" width="${Math.max(1, x(bar.ratio) - left)}" height="${barHeight}" rx="2"/>`,
        text(x(bar.ratio) + 6, y + 13, bar.ratio.toFixed(2), ' class="value"')
      )
      y += barHeight + barGap
    }
    y += groupGap - barHeight
  }
  const marks = ticks.map((tick) => text(x(tick), y + 5, tick.toFixed(1), anchored('middle', 'tick')))
  const told = groups
    .map(
      ({ name, bars }) => `${name}: ${bars.map((bar) => `${bar.name} ${bar.ratio.toFixed(2)}`).join(', ')}.`
    )
    .join(' ')
  const height = y + bottom
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title told">
  <title id="title">${escaped(title)}</title>
  <desc id="told">${escaped(`${note} ${told}`)}</desc>
  <style>${style}
  </style>
  <rect class="panel" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
  ${[text(16, 30, title, ' class="title"'), text(16, 52, note, ' class="note"'), ...marks, ...drawn].join('\n  ')}
</svg>
`
}
