import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inEmptyFolder, repository, run, typescript } from '../support/program.js'
import { settled, stepsOf } from '../support/snippets.js'

/** The consoles of one chapter of the README. */
const walk = stepsOf(
  /^## The morning after\n([\s\S]*?)^## /m.exec(readFileSync(join(repository, 'README.md'), 'utf8'))?.[1] ??
    ''
)

/** What npm would find in the folder of a user, from this repository's sources. */
const npx = `npx() {
  local name=$1; shift
  case $name in
    missive) node --import "$TYPESCRIPT" "$REPOSITORY/lib/cli/main.ts" "$@" ;;
    tsx) node --import "$TYPESCRIPT" "$@" ;;
  esac
}`

const shop = suite('the morning after, in the README')

shop('goes as it is printed there', () =>
  inEmptyFolder(async (folder) => {
    assert.ok(walk.length >= 8, `${walk.length} steps`)
    cpSync(join(repository, 'examples', 'shop'), folder, { recursive: true })
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const keys = new Map<string, string>()
    for (const { command, output } of walk) {
      // A key that was printed in the README stands for the one that was printed in its place here.
      const own = command.replace(/\b[0-9a-f]{10}\b/g, (key) => keys.get(key) ?? key)
      const { stdout, stderr } = await run('bash', ['-c', `${npx}\n{ ${own}\n} 2>&1`], {
        cwd: folder,
        env: {
          TYPESCRIPT: typescript,
          REPOSITORY: repository,
          TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json'),
          NO_COLOR: '1'
        }
      })
      const printed = stdout.replaceAll(folder, '/home/you/shop')
      assert.is(settled(printed), settled(output), `$ ${command}\n${printed}${stderr}`)
      const [here, there] = [printed, output].map(
        (text) => text.match(/\b(?=[0-9a-f]*\d)[0-9a-f]{10}\b/g) ?? []
      )
      there?.forEach((key, index) => keys.set(key, here?.[index] ?? key))
    }
  })
)

shop.run()
