import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isBatch, isOfEvents, mediaTypeOf } from '../../lib/http/content-type.js'

const batches = suite('isBatch')

batches('knows a batch by its content type, whatever its case and parameters', () => {
  for (const contentType of [
    'application/cloudevents-batch+json',
    'application/cloudevents-batch+json; charset=UTF-8',
    'Application/CloudEvents-Batch+JSON ;charset=utf-8'
  ])
    assert.ok(isBatch(contentType), contentType)
  for (const contentType of [
    '',
    'application/json',
    'application/cloudevents+json',
    'application/cloudevents-batch+avro',
    'application/cloudevents-batch+jsonl',
    'text/plain; application/cloudevents-batch+json'
  ])
    assert.not(isBatch(contentType), contentType)
  assert.not(isBatch())
})

batches.run()

const events = suite('isOfEvents')

events('knows events of any format, alone or as a batch', () => {
  for (const contentType of [
    'application/cloudevents+json',
    ' Application/CloudEvents+avro',
    'application/cloudevents-batch+json; charset=utf-8'
  ])
    assert.ok(isOfEvents(contentType), contentType)
  for (const contentType of [undefined, '', 'application/json', 'text/plain; application/cloudevents+json'])
    assert.not(isOfEvents(contentType), contentType)
})

events.run()

const types = suite('mediaTypeOf')

types('leaves out parameters and case', () => {
  assert.is(mediaTypeOf(' Text/Plain ; charset=utf-8; x=";"'), 'text/plain')
  assert.equal([mediaTypeOf(''), mediaTypeOf()], ['', ''])
})

types.run()
