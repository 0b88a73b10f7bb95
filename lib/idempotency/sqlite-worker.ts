/** The thread in which a store's file is read and written. */
import { serve } from '../sqlite/serve.js'
import { hostOf } from './sqlite-host.js'

serve('sqliteIdempotency', hostOf)
