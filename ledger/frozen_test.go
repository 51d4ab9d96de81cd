package ledger_test

// Written from the description of the formats and signed with openssl, without
// this package; see leaves.
const (
	instanceText = "bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a"

	rosterText = `tocsin.leaf.v1 roster
day 2026-03-14
number 7
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
`
	caseText = `tocsin.leaf.v1 case
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
envelope bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
`
	reportText = `tocsin.leaf.v1 message
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
kind report
size 17995
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
`
	additionText = `tocsin.leaf.v1 message
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
kind addition
size 0
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
once cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
`
	replyText = `tocsin.leaf.v1 message
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
kind reply
size 19552
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
done 2026-03-13
by ana
signature dvXP2zSGHxVH2tJIb59DWxyT6KKeipBmM++hRr5ydifqUbrsap5YbhukKOuqg10pZvf5HeRfhr8j+pB7SqHqBw==
`
	replyStatement = `tocsin.event.v1 message
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
kind reply
size 19552
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
done 2026-03-13
by ana
`
	noteText = `tocsin.leaf.v1 message
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
kind note
size 17995
digest bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
done 2026-03-13
by ana
signature zp48ohGXoVjXP4ozbuP+E46HF2idWrlXw3cOTw8UA04tkMcdx2vz68WUWxnZyJejNTi7F/BvNlRe+q2N25GgAQ==
`
	noteStatement = `tocsin.event.v1 message
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
kind note
size 17995
digest bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
done 2026-03-13
by ana
`
	rekeyText = `tocsin.leaf.v1 rekey
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
number 8
envelope bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
done 2026-03-13
by ana
signature opIwP9n6BQhZbFR4V+GQfFwS0qqJyHMVo+hIcrgjl2lOsZhwx+eKJuGRc25JtYD1mxncJC93eQJDyIq9+N+vCA==
`
	rekeyStatement = `tocsin.event.v1 rekey
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
number 8
envelope bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
done 2026-03-13
by ana
`
	handedOverText = `tocsin.leaf.v1 handed-over
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
destination police
size 1073741824
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
done 2026-03-13
by ana
signature lBnyR+WcnxSfRxRh1S1moGnngDgyO+0quWu69kjebMRhVAC3znRqA1XNADVVPu1Z+CIcjVjFIyPCBLHnO3leAA==
`
	handedOverStatement = `tocsin.event.v1 handed-over
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
destination police
size 1073741824
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
done 2026-03-13
by ana
`
	acknowledgedText = `tocsin.leaf.v1 acknowledged
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
destination police
size 1073741824
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
done 2026-03-13
by ana
signature 2SPeodVjfUYybAYA08ZWLbXIZXCtit7gTr4hxlHszBz2QAmMQnu9MneOYP9ppcUeDoIoV4TKUGQeUQvkXv7tBg==
`
	acknowledgedStatement = `tocsin.event.v1 acknowledged
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
destination police
size 1073741824
digest aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
done 2026-03-13
by ana
`
	heldText = `tocsin.leaf.v1 held
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
rule court-order.2026
after 41
done 2026-03-13
by ana
signature yGy2FMBnquphSExD7gluqQTCKGPTNS2U63Uy4G2QWV4MPHBabzf9I2iyh/dH8D4t6mFWlwId5MUwIpHlrGF1Cw==
`
	heldStatement = `tocsin.event.v1 held
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
rule court-order.2026
after 41
done 2026-03-13
by ana
`
	releasedText = `tocsin.leaf.v1 released
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
after 41
done 2026-03-13
by ana
signature S7DLUvFrLkfytTmtwT5pIlHTqb6bByGaf5HGFyYOe/y6JWpC7agdnCB0MjYg5Nc9POIaB12eqDGXdiG1v/IeDw==
`
	releasedStatement = `tocsin.event.v1 released
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
after 41
done 2026-03-13
by ana
`
	purgeProposedText = `tocsin.leaf.v1 purge-proposed
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
rule retention
after 41
done 2026-03-13
by ana
signature i0LeLIJQyZjfM3ZhxohlpEl+SyiSfCZ7lEMbyOu6oi3vOD7jIy143SMD/trwUbvH3vT8TG3SLm8PnTRf1St8CA==
`
	purgeProposedStatement = `tocsin.event.v1 purge-proposed
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
rule retention
after 41
done 2026-03-13
by ana
`
	purgedText = `tocsin.leaf.v1 purged
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
rule retention
after 41
done 2026-03-13
by ana
signature 5zx4HtK8Zo1iStRUF0sWKPkGmQHp0I3XYHFbVD7y0uPLkoGTJJ5CqBs7hW4LOEPOqPwu6rcqPPe9u7Ptqqk6Cg==
`
	purgedStatement = `tocsin.event.v1 purged
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
rule retention
after 41
done 2026-03-13
by ana
`

	readText = `tocsin.leaf.v1 read
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
done 2026-03-13
by ana
signature dRX+JdNpdo0wmxkL9t5gFwmItQKISv6CQ4uMuE1IeKAGBbkIe/pfTD8Owf53g9Ia8QC8FMML7yvy1CEKO52OAw==
`
	readStatement = `tocsin.event.v1 read
instance bdf43f91fa02fdb8c4c298056467b1ddb4942ff049a2fbe98ffbc3a0007e765a
case aaisem2ekvthpcezvk54zxpo74
done 2026-03-13
by ana
`
	withdrawnText = `tocsin.leaf.v1 withdrawn
day 2026-03-14
case aaisem2ekvthpcezvk54zxpo74
secret dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
`

	checkpointText = `example.org/tocsin
1000
SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=

— example.org/tocsin kFqTYLjUMSlL5500AIal6XHPqHUjsb5ShLJw9XW9Pw3P9wleVVR+0NobYbJSg0U0rlynDYKpK9ztIJ2eo8xF2ae4rgY=
`
)
