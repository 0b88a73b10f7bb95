/** Where the files of this library lie. The CommonJS build, in which a module does not know, has its own. */
export const here: string = import.meta.url
