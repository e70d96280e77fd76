// A real OpenID Connect provider on a free port of this machine, as strict as the governments' own: private_key_jwt and
// PKCE are required. Whoever comes is signed in as the person and with the level that the configuration names. It is
// told everything in one line of JSON on its input, says its issuer on its output and ends when its input closes.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
let provider;

createInterface({ input: process.stdin })
  .once('line', (line) => {
    const { client, keys, person, level, levels } = JSON.parse(line);
    provider = new Provider(issuer, {
      clients: [{ ...client, response_types: ['code'], grant_types: ['authorization_code'] }],
      clientAuthMethods: ['private_key_jwt'],
      jwks: { keys },
      cookies: { keys: ['only of this test'] },
      acrValues: levels,
      claims: { openid: ['sub'], acr: null },
      features: { devInteractions: { enabled: false } },
      pkce: { required: () => true },
      interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, email: 'hanako@example.org', name: 'HANAKO' }) }),
      loadExistingGrant: async (ctx) => {
        const { client: { clientId }, session: { accountId } } = ctx.oidc;
        const grant = new ctx.oidc.provider.Grant({ clientId, accountId });
        grant.addOIDCScope('openid');
        await grant.save();
        return grant;
      },
    });
    provider.on('grant.error', (_ctx, error) => console.error(error.error_detail ?? error.message));
    const answer = provider.callback();
    server.on('request', (request, response) => {
      if (request.url.startsWith('/interaction/')) {
        const login = { accountId: person, acr: level };
        provider.interactionFinished(request, response, { login }).catch((error) => {
          console.error(error);
          response.writeHead(500).end();
        });
      } else {
        answer(request, response);
      }
    });
    console.log(issuer);
  })
  .once('close', () => process.exit());
