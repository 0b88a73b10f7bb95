// Opens a queue as a user without rights, and prints what it says. Usage: open-as-nobody.ts FILE
import { sqliteDlq } from '../../lib/dlq/sqlite.js'

await import('better-sqlite3')
if (process.getuid?.() === 0) process.seteuid?.(65_534)
const opened = await sqliteDlq(process.argv[2] as string).open()
process.stdout.write(opened._tag === 'Left' ? opened.left.message : 'opened')
process.exit(0)
