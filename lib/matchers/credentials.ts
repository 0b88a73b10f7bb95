/** Names of headers and parameters that have credentials. */

/** Is what has this name no credential and no signature, as far as its name tells? */
export const isHarmless = (name: string): boolean => !credentials.test(name)

// helpers

const credentials = new RegExp(
  [
    'authoriz|authentic|cookie|credential|hmac|passphrase|passw|secret|signature|token',
    '(?:^|[-_])(?:auth|jwt|pass|pwd|sig)$',
    '(?:access|account|api|auth|functions|master|private|shared|subscription)[-_]?key'
  ].join('|'),
  'i'
)
