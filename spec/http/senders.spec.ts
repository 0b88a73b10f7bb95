import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { github, shopify, slack, standardWebhooks, stripe, svix } from '../../lib/http/senders.js'
import { systemClock } from '../../lib/system.js'
import { unverifiedRequest } from '../support/unverified.js'

const clockAt = (seconds: number) => ({ ...systemClock, now: () => seconds * 1000 })
const refused = (reason: string) => left({ reason })
const mismatch = refused('the signature does not match')

// GitHub

const byGithub = suite('github')

const githubSecret = "It's a Secret to Everybody"
const githubSignature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
const fromGithub = (signature: string, body = 'Hello, World!') =>
  unverifiedRequest({ 'x-hub-signature-256': signature }, body)

byGithub("lets in the sample of GitHub's documentation", async () => {
  assert.equal(await github(githubSecret)(fromGithub(githubSignature))(), right('github'))
})

byGithub('refuses it with another body, secret, scheme or header', async () => {
  assert.equal(await github(githubSecret)(fromGithub(githubSignature, 'Hello, World?'))(), mismatch)
  assert.equal(await github("It's a Secret to Nobody")(fromGithub(githubSignature))(), mismatch)
  const notWellFormed = refused('x-hub-signature-256 is not well-formed')
  for (const signature of [
    githubSignature.slice(7),
    githubSignature.replace('sha256', 'sha1'),
    `${githubSignature}, ${githubSignature}`
  ])
    assert.equal(await github(githubSecret)(fromGithub(signature))(), notWellFormed, signature)
  const old = unverifiedRequest({ 'x-hub-signature': githubSignature }, 'Hello, World!')
  assert.equal(await github(githubSecret)(old)(), refused('x-hub-signature-256 is missing'))
})

byGithub('takes several secrets, and a name', async () => {
  const verify = github(['the secret that comes', githubSecret], { principal: 'octocat' })
  assert.equal(await verify(fromGithub(githubSignature))(), right('octocat'))
})

byGithub.run()

// Shopify

const byShopify = suite('shopify')

byShopify('lets in a sample made by openssl dgst -sha256 -hmac, as Shopify publishes none', async () => {
  const verify = shopify('hush hush, nobody is to know')
  const sent = (body: string) =>
    unverifiedRequest({ 'x-shopify-hmac-sha256': 'b6Z3S0nC2k0JHjRsbzenyjznN/UeuTVuqFh6TZbH/zk=' }, body)
  const body = '{"id":820982911946154508,"note":"Zürich"}'
  assert.equal(await verify(sent(body))(), right('shopify'))
  assert.equal(await verify(sent(`${body} `))(), mismatch)
})

byShopify('refuses hex, and a header that was sent twice', async () => {
  const verify = shopify('hush hush, nobody is to know')
  const hmac = createHmac('sha256', 'hush hush, nobody is to know').update('{}')
  const digest = hmac.digest()
  for (const value of [digest.toString('hex'), `${digest.toString('base64')}, ${digest.toString('base64')}`])
    assert.equal(
      await verify(unverifiedRequest({ 'x-shopify-hmac-sha256': value }, '{}'))(),
      refused('x-shopify-hmac-sha256 is not well-formed'),
      value
    )
})

byShopify.run()

// Stripe

const byStripe = suite('stripe')

/** From the tests of stripe-dotnet: `EventUtilityTest.cs` and `event_test_signature.json`. */
const stripeSecret = 'webhook_secret'
const stripeTime = 1533204620
const stripeV1 = 'v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7'
const stripeV0 = 'v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef'
const stripeBody = `${JSON.stringify(
  {
    id: 'evt_123',
    object: 'event',
    account: 'acct_123',
    api_version: '2017-05-25',
    created: 1533204620,
    data: {
      object: {
        id: 'cus_123',
        object: 'customer',
        created: 123456789,
        email: 'test@stripe.com',
        livemode: false,
        metadata: {}
      }
    },
    livemode: false,
    pending_webhooks: 1,
    request: { id: 'req_123', idempotency_key: 'idempotency-key-123' },
    type: 'customer.created'
  },
  null,
  2
)}\n`
const stripeNow = { clock: clockAt(stripeTime + 100) }
const fromStripe = (signature: string, body = stripeBody) =>
  unverifiedRequest({ 'stripe-signature': signature }, body)
const wrongV1 = `v1=${'0'.repeat(64)}`
const stripeMalformed = refused('stripe-signature is not well-formed')

byStripe("lets in the sample of Stripe's library for .NET", async () => {
  const verify = stripe(stripeSecret, stripeNow)
  assert.equal(await verify(fromStripe(`t=${stripeTime},${stripeV1},${stripeV0}`))(), right('stripe'))
  assert.equal(await verify(fromStripe(`t=${stripeTime},${stripeV1}`, `${stripeBody}x`))(), mismatch)
  assert.equal(await verify(fromStripe(`t=${stripeTime + 1},${stripeV1}`))(), mismatch)
})

byStripe('takes any v1 that matches, in any order, and no other scheme', async () => {
  const verify = stripe(stripeSecret, stripeNow)
  for (const signature of [
    `${stripeV1},t=${stripeTime}`,
    `t=${stripeTime},${wrongV1},${stripeV1}`,
    `t=${stripeTime}, ${stripeV1}, ${wrongV1},v2=?,`
  ])
    assert.equal(await verify(fromStripe(signature))(), right('stripe'), signature)
  const digest = stripeV1.slice(3)
  for (const signature of [`t=${stripeTime},v0=${digest}`, `t=${stripeTime},v2=${digest},V1=${digest}`])
    assert.equal(await verify(fromStripe(signature))(), stripeMalformed, signature)
  assert.equal(await verify(fromStripe(`t=${stripeTime},${wrongV1},v0=${digest}`))(), mismatch)
})

byStripe('refuses two times, as a header that was sent twice has', async () => {
  const verify = stripe(stripeSecret, { clock: clockAt(stripeTime + 1000) })
  const replayed = `t=${stripeTime},${stripeV1}`
  for (const signature of [
    `${replayed}, ${replayed}`,
    `t=${stripeTime + 1000}, ${replayed}`,
    `${replayed},t=${stripeTime + 1000}`,
    `t=${stripeTime + 1000},${wrongV1}, ${replayed}`
  ])
    assert.equal(await verify(fromStripe(signature))(), stripeMalformed, signature)
})

byStripe('refuses what is no list of these', async () => {
  const verify = stripe(stripeSecret, stripeNow)
  const headers = [
    `t=,${stripeV1}`,
    `t,${stripeV1}`,
    stripeV1,
    't,v1=,v0=',
    't,v1=,',
    ',,',
    't',
    '',
    `t=${stripeTime}`
  ]
  for (const signature of headers)
    assert.equal(await verify(fromStripe(signature))(), stripeMalformed, signature)
  assert.equal(await verify(unverifiedRequest({}, stripeBody))(), refused('stripe-signature is missing'))
})

byStripe('refuses what is older than it is told', async () => {
  const signature = `t=${stripeTime},${stripeV1}`
  const at = (seconds: number, toleranceMs?: number) =>
    stripe(stripeSecret, { clock: clockAt(stripeTime + seconds), toleranceMs, principal: 'till' })(
      fromStripe(signature)
    )()
  assert.equal(await at(300), right('till'))
  assert.equal(await at(301), refused('the timestamp is too old'))
  assert.equal(await at(-301), refused('the timestamp is from the future'))
  assert.equal(await at(60, 60_000), right('till'))
  assert.equal(await at(61, 60_000), refused('the timestamp is too old'))
})

byStripe.run()

// Slack

const bySlack = suite('slack')

const slackSecret = '8f742231b10e8888abcd99yyyzzz85a5'
const slackTime = 1531420618
const slackSignature = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'
const slackBody =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
const fromSlack = (headers: Readonly<Record<string, string>> = {}, body = slackBody) =>
  unverifiedRequest(
    { 'x-slack-signature': slackSignature, 'x-slack-request-timestamp': String(slackTime), ...headers },
    body
  )

bySlack("lets in the sample of Slack's documentation", async () => {
  const verify = slack(slackSecret, { clock: clockAt(slackTime) })
  assert.equal(await verify(fromSlack())(), right('slack'))
  assert.equal(await verify(fromSlack({}, `${slackBody}&admin=1`))(), mismatch)
  assert.equal(await verify(fromSlack({ 'x-slack-request-timestamp': String(slackTime + 1) }))(), mismatch)
})

bySlack('refuses it 5 minutes later, and with headers that were sent twice', async () => {
  assert.equal(await slack(slackSecret)(fromSlack())(), refused('the timestamp is too old'))
  const verify = slack(slackSecret, { clock: clockAt(slackTime + 300) })
  assert.equal(await verify(fromSlack())(), right('slack'))
  for (const [name, value] of [
    ['x-slack-signature', slackSignature],
    ['x-slack-request-timestamp', String(slackTime)]
  ] as const)
    assert.equal(
      await verify(fromSlack({ [name]: `${value}, ${value}` }))(),
      refused(`${name} is not well-formed`)
    )
})

bySlack.run()

// Standard Webhooks

const byStandard = suite('standardWebhooks and svix')

interface Sample {
  readonly secret: string
  readonly id: string
  readonly time: number
  readonly body: string
  readonly signature: string
}

/** The first is in the tests of the libraries of Standard Webhooks, the second in the documentation of Svix. */
const samples: readonly [Sample, Sample] = [
  {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    time: 1614265330,
    body: '{"test": 2432232314}',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  },
  {
    secret: 'whsec_plJ3nmyCDGBKInavdOK15jsl',
    id: 'msg_loFOjxBNrRLzqYUf',
    time: 1731705121,
    body: '{"event_type":"ping","data":{"success":true}}',
    signature: 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0='
  }
]
const [sample] = samples

const sentBy = (brand: string, { id, time, signature, body }: Sample) =>
  unverifiedRequest(
    { [`${brand}-id`]: id, [`${brand}-timestamp`]: String(time), [`${brand}-signature`]: signature },
    body
  )
const verified = (sample: Sample) =>
  standardWebhooks(sample.secret, { clock: clockAt(sample.time) })(sentBy('webhook', sample))()

byStandard('let in the samples that are published, each by its names of headers', async () => {
  for (const sample of samples) {
    assert.equal(await verified(sample), right('standardWebhooks'))
    const verify = svix(sample.secret, { clock: clockAt(sample.time) })
    assert.equal(await verify(sentBy('svix', sample))(), right('svix'))
    assert.equal(await verify(sentBy('webhook', sample))(), refused('svix-signature is missing'))
  }
})

byStandard('take the secret with its prefix, without, and as bytes', async () => {
  const base64 = sample.secret.slice('whsec_'.length)
  for (const secret of [base64, Buffer.from(base64, 'base64')])
    assert.equal(
      await standardWebhooks(secret, { clock: clockAt(sample.time) })(sentBy('webhook', sample))(),
      right('standardWebhooks')
    )
  assert.equal(await verified({ ...sample, secret: samples[1].secret }), mismatch)
})

byStandard('refuse another id, time or body', async () => {
  assert.equal(await verified({ ...sample, id: 'msg_another' }), mismatch)
  assert.equal(await verified({ ...sample, time: sample.time + 1 }), mismatch)
  assert.equal(await verified({ ...sample, body: '{"test":2432232314}' }), mismatch)
})

byStandard('take any v1 that matches, and no other version', async () => {
  const wrong = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc='
  const asymmetric =
    'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=='
  const good = sample.signature
  for (const signature of [`${wrong} ${good}`, `${good} ${wrong}`, `${asymmetric}  v2,x ${good}`])
    assert.equal(await verified({ ...sample, signature }), right('standardWebhooks'), signature)
  assert.equal(await verified({ ...sample, signature: `${wrong} ${good.replace('v1', 'v2')}` }), mismatch)
  for (const signature of [
    good.replace('v1', 'v2'),
    good.replace('v1', 'v1a'),
    asymmetric,
    'v1,',
    good.slice(3)
  ])
    assert.equal(
      await verified({ ...sample, signature }),
      refused('webhook-signature is not well-formed'),
      signature
    )
})

byStandard('refuse each header that was sent twice', async () => {
  const request = sentBy('webhook', sample)
  const twice = (name: string) => ({
    ...request,
    headers: { ...request.headers, [name]: `${request.headers[name]}, ${request.headers[name]}` }
  })
  const verify = standardWebhooks(sample.secret, { clock: clockAt(sample.time) })
  for (const name of ['webhook-signature', 'webhook-timestamp'])
    assert.equal(await verify(twice(name))(), refused(`${name} is not well-formed`))
  assert.equal(
    await verify(twice('webhook-id'))(),
    refused('what is signed is not complete or not well-formed')
  )
})

byStandard('refuse a body that is taken for its id and time', async () => {
  const key = Buffer.from(sample.secret.slice('whsec_'.length), 'base64')
  const [id, old, now] = ['msg_1', 1600000000, 1700000000]
  const content = `${id}.${old}.[0.${now}.7]`
  const signature = `v1,${createHmac('sha256', key).update(content).digest('base64')}`
  const shifted: Sample = { secret: sample.secret, id: `${id}.${old}.[0`, time: now, body: '7]', signature }
  assert.equal(await verified(shifted), refused('what is signed is not complete or not well-formed'))
  for (const id of ['', 'msg 1', 'msg_1\n'])
    assert.equal(
      await verified({ ...sample, id }),
      refused('what is signed is not complete or not well-formed')
    )
})

byStandard('refuse what lacks a header', async () => {
  const request = sentBy('webhook', sample)
  const verify = standardWebhooks(sample.secret, { clock: clockAt(sample.time) })
  for (const [name, reason] of [
    ['webhook-signature', 'webhook-signature is missing'],
    ['webhook-timestamp', 'webhook-timestamp is missing'],
    ['webhook-id', 'what is signed is not complete or not well-formed']
  ] as const) {
    const { [name]: _, ...headers } = request.headers
    assert.equal(await verify({ ...request, headers })(), refused(reason))
  }
})

byStandard('are not built of a secret that is not base64, is short, or none', () => {
  const problems: readonly (readonly [unknown, RegExp])[] = [
    ['whsec_not base64!', /^(?:standardWebhooks|svix): the secret is not base64, as it is after whsec_$/],
    ['whsec_', /0 bytes can be guessed/],
    ['whsec_c2hvcnQ=', /5 bytes can be guessed/],
    [undefined, /environment variable/],
    [[], /needs a secret/]
  ]
  for (const [secret, message] of problems)
    for (const build of [standardWebhooks, svix])
      assert.throws(
        () => build(secret as string),
        (thrown: unknown) =>
          thrown instanceof TypeError &&
          message.test(thrown.message) &&
          thrown.message.startsWith(build === svix ? 'svix: ' : 'standardWebhooks: '),
        String(message)
      )
})

byStandard.run()

const named = suite('senders of webhooks, when they are built')

named('say by their own names what is wrong', () => {
  for (const [name, build] of Object.entries({ github, shopify, slack, standardWebhooks, stripe, svix })) {
    const message = `${name}: a secret of 0 bytes can be guessed: is its environment variable set?`
    assert.throws(
      () => build(''),
      (thrown: unknown) => thrown instanceof TypeError && thrown.message === message
    )
    assert.throws(() => build([]), new RegExp(`^${name}: it needs a secret`))
  }
})

named.run()
