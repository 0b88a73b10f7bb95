/** The queue on whatever connects to its file. */
import { resolve } from 'node:path'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../core/dlq.js'
import { Resource } from '../core/resource.js'
import { left, right } from '../core/result.js'
import { isHarmless } from './identity.js'
import type { SqliteDlq, SqliteDlqOptions } from './sqlite.js'
import { type Connect, type OpenFile, adviceOn, isBusy, openFile } from './sqlite-file.js'
import { type Row, letterOf, rowOf } from './sqlite-letters.js'

export const queueOn =
  (path: string, { isStoredHeader = isHarmless }: SqliteDlqOptions = {}) =>
  (connect: Connect): Resource<SqliteDlq> => {
    const location = resolve(path)
    return Resource.make<SqliteDlq & { readonly close: () => void }>(
      'sqliteDlq',
      async () => {
        const first = openFile(connect, location)
        if (first._tag === 'Left') return first
        let file: OpenFile | undefined = first.right

        /** A failed commit may be there or not: only a new connection knows, and putting it again is harmless. */
        const reopened = (): OpenFile => {
          file?.database.close()
          file = undefined
          const opened = openFile(connect, location)
          if (opened._tag === 'Left') throw new Error(opened.left.message)
          file = opened.right
          return file
        }
        const put = (row: Row): Either<DlqError, void> => {
          try {
            try {
              ;(file ?? reopened()).insert.run(row)
            } catch (error) {
              if (isBusy(error)) throw error
              reopened().insert.run(row)
            }
            return right(undefined)
          } catch (error) {
            return left({ reason: `${location}: ${adviceOn(error)}` })
          }
        }
        return right({
          location,
          put: (letter) => async () => put(rowOf(letter, isStoredHeader)),
          list: (limit) => async () => {
            try {
              // io-ts is loaded by those alone who read letters, not by each program that may have to write one.
              const { failureFromJson } = await import('../core/failure-json.js')
              return right(
                (file ?? reopened()).select.all(limit).map((row) => letterOf(row, failureFromJson))
              )
            } catch (error) {
              return left({ reason: `${location}: ${adviceOn(error)}` })
            }
          },
          close: () => void file?.database.close()
        })
      },
      async ({ close }) => close()
    )
  }
