/** What can be run of the documentation: programs in fences of Markdown and in docstrings, and consoles. */

export interface Snippet {
  /** Of its first line, from 1. */
  readonly line: number
  readonly code: string
  /** What follows `ts` at the opening of a fence. */
  readonly info: string
}

/** A command of a console, and what it prints. */
export interface Step {
  readonly line: number
  readonly command: string
  readonly output: string
}

/** Every ```ts fence. */
export const fencesOf = (markdown: string): readonly Snippet[] =>
  Array.from(markdown.matchAll(/^```ts(?:[ \t]+([^\n]*))?\n([\s\S]*?)^```$/gm), (match) => ({
    line: lineOf(markdown, match.index) + 1,
    code: match[2] as string,
    info: (match[1] ?? '').trim()
  }))

/** Every `@example`, up to the next tag or the end of its docstring. */
export const examplesOf = (source: string): readonly Snippet[] =>
  Array.from(source.matchAll(/^[ \t]*\* @example[^\n]*\n((?:[ \t]*\*(?!\/| @)[^\n]*\n)*)/gm), (match) => ({
    line: lineOf(source, match.index) + 1,
    code: (match[1] as string).replace(/^[ \t]*\* ?/gm, ''),
    info: ''
  }))

/** The commands of every ```console fence; what stands before the first of one is nobody's output. */
export const stepsOf = (markdown: string): readonly Step[] =>
  Array.from(markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)).flatMap(({ 1: console = '', index }) =>
    Array.from(console.matchAll(/^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)/gm), (match) => ({
      line: lineOf(markdown, index) + lineOf(console, match.index),
      command: match[1] as string,
      output: (match[2] as string).trim()
    }))
  )

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** Without what is another each time: ids, keys, which are made of ids, and times. */
export const settled = (text: string): string =>
  text
    .replace(/\b[0-9a-f]{12}(?=:\d)/g, 'RUN')
    .replace(/\b\d{13}-\d+\b/g, 'ID')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{10}(?:[0-9a-f]{30})?\b/g, 'KEY')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\b\d+ ms\b/g, 'MS')
    .replace(/just now|\d+ (?:s|min|h|d) ago/g, 'AGO')
    .replace(/[ \t]+/g, ' ')
    .replace(/ $/gm, '')
    .trim()
