// A real OpenID provider (node-oidc-provider) on the loopback: access tokens as JWTs for clients with credentials, each signed
// by the algorithm and holding the role in its client's name. Prints its address.
//
//   provider.mjs FOLDER-OF-node_modules

import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const { Provider } = await import(pathToFileURL(`${process.argv[2]}/oidc-provider/lib/index.js`));

const key = (kid, kind, options) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid, use: 'sig',
});
const keys = [
  key('rsa', 'rsa', { modulusLength: 2048 }),
  key('p256', 'ec', { namedCurve: 'P-256' }),
  key('p384', 'ec', { namedCurve: 'P-384' }),
  key('ed', 'ed25519', {}),
];
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
const clients = ['viewer', 'operator', 'nothing'].flatMap((role) => algorithms.map((algorithm) => ({
  client_id: `${role}-${algorithm}`,
  client_secret: 'of-a-test',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
})));

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys },
    enabledJWA: { idTokenSigningAlgValues: algorithms },
    extraTokenClaims: (ctx, token) => ({ role: token.clientId.split('-')[0] }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource, client) => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: client.clientId.split('-')[1] } },
        }),
      },
    },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
