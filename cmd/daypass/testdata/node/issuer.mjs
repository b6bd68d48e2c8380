// An OpenID provider that is not ours, panva's oidc-provider, over https:
//
//   node issuer.mjs CERTIFICATES READY-FILE
//
// CERTIFICATES is a folder with cert.pem and key.pem for localhost. The issuer's
// URL goes to READY-FILE once it is served. Anyone may sign in, as whom they
// like, and becomes the subject of that name. The clients are deployer and
// other, whose ID tokens are signed by RS256, and deployer-es, by ES256. The variable
// REDIRECT_URI names one more place to which browsers may be sent back.
//
// A line "keys NAME…" on standard input makes it publish these RSA keys and sign
// with the first of them; it says "keys NAME…" when it does. At first there is
// the key first.
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createInterface } from 'node:readline'
import { Provider } from 'oidc-provider'

const [certificates, readyFile] = process.argv.slice(2)

function makeKey (type, options, kid) {
  const { privateKey } = generateKeyPairSync(type, options)
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig' }
}

const rsaKeys = new Map()
function rsaKey (name) {
  if (!rsaKeys.has(name)) rsaKeys.set(name, makeKey('rsa', { modulusLength: 2048 }, name))
  return rsaKeys.get(name)
}
const ecKey = makeKey('ec', { namedCurve: 'P-256' }, 'elliptic')

function client (id, algorithm) {
  return {
    client_id: id,
    client_secret: 'the-secret-of-the-client',
    redirect_uris: ['https://client.example/callback', process.env.REDIRECT_URI].filter(Boolean),
    id_token_signed_response_alg: algorithm
  }
}

function provider (issuer, keys) {
  return new Provider(issuer, {
    clients: [client('deployer', 'RS256'), client('other', 'RS256'), client('deployer-es', 'ES256')],
    cookies: { keys: ['cookies of a test'] },
    jwks: { keys: [...keys.map(rsaKey), ecKey] },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 7200, Interaction: 3600, Session: 3600 }
  })
}

let current
const server = createServer(
  { cert: readFileSync(`${certificates}/cert.pem`), key: readFileSync(`${certificates}/key.pem`) },
  (request, response) => current(request, response)
)
server.listen(0, '127.0.0.1', () => {
  const issuer = `https://localhost:${server.address().port}`
  current = provider(issuer, ['first']).callback()
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [word, ...names] = line.split(' ')
    if (word !== 'keys' || names.length === 0) throw new Error(`unknown line: ${line}`)
    current = provider(issuer, names).callback()
    console.log(line)
  })
  writeFileSync(`${readyFile}.new`, `${issuer}\n`)
  renameSync(`${readyFile}.new`, readyFile)
})
