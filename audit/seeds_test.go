package audit_test

// Comparisons as audit compare made them, of one ledger.
const (
	seedKey = "tocsin.test/intake+b1685d2e+Aa7JM4IDZU3xIN4yY2ZpimsPa8ArF54Rc3NyH3MYeAl+"

	forkSeed = `tocsin.fork.v1
root GMBH0+FX9IAJG6woDY9Di0cKLxbgLgDVQuw7jZCfRuc=
/lR0Ef/9htmry7E5S6wMT5RkR55JKHPQyvyVhwBVeek=
qzyx1p4bV8ZS5KcU/V06ijAkmqp4tU2XOPHHoj9nnzE=
DNn4/YIF5ACwLlOI4fD78tQL4ivFcN9jd42KVBhiMOI=

tocsin.test/intake
12
gkxahwmtB3qI5ZossHAsEbAlwJ+b66fUD6Z1XnW10Ms=

— tocsin.test/intake sWhdLgF+NsdVoL4SF8/9ShC3uw7XUMaiHHAPEEPiXbmYEY7B12DZ3rLO9814CdC9RUSSa4rinMjfr8tEcl6HJESFNQQ=

tocsin.test/intake
14
uBr88rVcyEHv/UnODxfvSvr7sK5QVow4Zt0A2E+9hVM=

— tocsin.test/intake sWhdLlAHJHnteF0qoQ+9dH4QvmDsh//mPZ49KeW0EbG12TiDCS32qsk1Eit6YW2gM0m8pB5msCOf7sM/6FvFwLD//wM=
`

	sameSizeSeed = `tocsin.fork.v1

tocsin.test/intake
12
GMBH0+FX9IAJG6woDY9Di0cKLxbgLgDVQuw7jZCfRuc=

— tocsin.test/intake sWhdLuwpI92OQvJqUjKnEe88aZqc78lvLYcBo4c0bQQE7t04x4AzCSOrzlgUcnwUQBiJV153KMiWGvBKdRzxVFJPoQM=

tocsin.test/intake
12
gkxahwmtB3qI5ZossHAsEbAlwJ+b66fUD6Z1XnW10Ms=

— tocsin.test/intake sWhdLgF+NsdVoL4SF8/9ShC3uw7XUMaiHHAPEEPiXbmYEY7B12DZ3rLO9814CdC9RUSSa4rinMjfr8tEcl6HJESFNQQ=
`

	consistencySeed = `tocsin.consistency.v1
BnzpXGEpadaazihqWaxmFaE7o7oNAf29+W9atuKT8EY=
3EUtJq6Zj7WZXpUbbHLZO93IpUALjlwyllP9SM9Ztps=
wb87kRJ0/kQ4c/CGiOqgni09DJ4509rBKQhC08bMePk=
qzyx1p4bV8ZS5KcU/V06ijAkmqp4tU2XOPHHoj9nnzE=
DNn4/YIF5ACwLlOI4fD78tQL4ivFcN9jd42KVBhiMOI=

tocsin.test/intake
11
wvP7gWD8MsRIbO/niz6w4Fvyp9LFXHEHMhUrjhZsykY=

— tocsin.test/intake sWhdLpLsZq5XM6IZvUUTCMSVbT7boECtb2Sb56qXZ6IYUXnaJetbiY9ZzbPdl0IK/+Hwm7vk133ZR+qQ7Ohyokij+AY=

tocsin.test/intake
14
uBr88rVcyEHv/UnODxfvSvr7sK5QVow4Zt0A2E+9hVM=

— tocsin.test/intake sWhdLlAHJHnteF0qoQ+9dH4QvmDsh//mPZ49KeW0EbG12TiDCS32qsk1Eit6YW2gM0m8pB5msCOf7sM/6FvFwLD//wM=
`
)
