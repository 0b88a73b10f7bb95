/** The thread in which a queue's file is read and written. */
import { serve } from '../sqlite/serve.js'
import { hostOf } from './sqlite-host.js'

serve('sqliteDlq', hostOf)
