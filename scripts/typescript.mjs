// Lets Node run this repository's TypeScript, in worker threads too: node --import ./scripts/typescript.mjs FILE
import { register } from 'tsx/esm/api'

register()
