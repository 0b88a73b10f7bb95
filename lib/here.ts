// Bundled into CommonJS a module has no URL, and the bundle has a path.
const { url }: Partial<ImportMeta> = import.meta

/** Where the files of this library lie. The CommonJS build, in which a module does not know, has its own. */
export const here: string =
  url ?? Object.assign(new URL('file://'), { pathname: __filename.replaceAll('%', '%25') }).href
