/** Takes orders, one for each line of stdin. */
import { runMain, stdin } from 'missive-ts/node'
import app from './app.js'

runMain(stdin())(app)
