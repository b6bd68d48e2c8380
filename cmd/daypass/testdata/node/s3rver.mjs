// node s3rver.mjs DIRECTORY READY: s3rver, an S3 server that is not ours, on
// loopback with its own key (S3RVER, S3RVER); writes its URL to READY.
import fs from 'node:fs'
import S3rver from 's3rver'

const [directory, ready] = process.argv.slice(2)
const { port } = await new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory }).run()
fs.writeFileSync(ready + '.new', `http://127.0.0.1:${port}\n`)
fs.renameSync(ready + '.new', ready)
