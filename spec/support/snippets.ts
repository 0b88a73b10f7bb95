/** The programs that stand in the documentation: fences of Markdown, and examples in docstrings. */

export interface Snippet {
  /** Of its first line, from 1. */
  readonly line: number
  readonly code: string
  /** What follows `ts` at the opening of a fence. */
  readonly info: string
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

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length
