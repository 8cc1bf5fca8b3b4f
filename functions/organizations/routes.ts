import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { foundOrganization } from './found.ts'
import { Founded, Organization, OrganizationCreate, OrganizationPatch } from './schema.ts'
import type { OrganizationStore } from './store.ts'

const route = routesOf<{ organizations: OrganizationStore }>()

export const organizationRoutes = [
  route({
    method: 'post',
    path: '/',
    summary: 'Create an organization, with the first API key and the owner',
    role: 'platform',
    body: OrganizationCreate,
    returns: Founded,
    status: 201,
    secret: true,
    handle: ({ body, scope, now }, { organizations }) => foundOrganization(scope, body, now, organizations),
  }),
  route({
    method: 'get',
    path: '/me',
    summary: 'Get the organization of the caller',
    role: 'viewer',
    returns: Organization,
    handle: async ({ scope }, { organizations }) => found('organization', scope.organization_id, await organizations.get(scope)),
  }),
  route({
    method: 'patch',
    path: '/me',
    summary: 'Rename the organization or replace its settings',
    role: 'owner',
    body: OrganizationPatch,
    returns: Organization,
    handle: async ({ scope, body, ifMatch, now }, { organizations }) =>
      found('organization', scope.organization_id, await organizations.update(scope, body, now, ifMatch)),
  }),
  route({
    method: 'delete',
    path: '/me',
    summary: 'Remove the organization: its keys and sessions end; ledger and audit stay',
    role: 'owner',
    handle: async ({ scope, ifMatch, now }, { organizations }) => {
      found('organization', scope.organization_id, await organizations.remove(scope, now, ifMatch))
    },
  }),
]
