// Tells the ids in a file, as another process finds them. Usage: sqlite-ids.ts FILE
import { lettersIn } from './sqlite-queues.js'

for (const id of lettersIn(process.argv[2] ?? '').keys()) console.log(id)
