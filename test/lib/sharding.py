"""What the tests and the figures of several servers share: the kit of sharding/ in databases of the throwaway server, and random
calls, each of which has to say the same on one server and on several.

A further database, `sharding_one`, has the extension alone. A second router, `sharding_pooled`, reaches the same shards
through PgBouncer.
"""
import collections
import functools
import os
import pwd
import random
import shutil
import subprocess
import sys

from . import server, tap
from .calls import FUNCTIONS, Call
from .server import PATIENCE, SUPERUSER, Background, Crash, Error, now, until

TREE = os.path.abspath(__file__).rsplit('/', 3)[0]
SHARDS = ['sharding_0', 'sharding_1']
DIRECT, SECOND, POOLED = 'sharding_router', 'sharding_second', 'sharding_pooled'    # routers
DATABASES = ['sharding_one', DIRECT, SECOND, POOLED, *SHARDS]
CLERK, OWNER, ROUTER, PASSWORD = 'sharding_clerk', 'sharding_owner', 'sharding_router', 'it is PgBouncer that asks for it'
LATE = ['2030-01-01', '2030-02-01', '2030-03-01']

# As SQL names the functions.
CALLS = ', '.join('%s(%s)' % (function.name, ', '.join(argument.type for argument in function.arguments)) for function in FUNCTIONS)


class Session(server.Session):
	def __init__(self, database, role=CLERK, **settings):
		super().__init__(database, role, **settings)

	def answer(self, sql, *args):
		"""(SQLSTATE, message, rows)"""
		try:
			return None, None, self.call(sql, *args)
		except (Error, Crash) as error:
			error = error.__cause__ or error
			return error.pgcode, error.diag.message_primary or str(error), None


@functools.lru_cache(None)
def administrator(database):
	return Session(database, SUPERUSER)


def side_by_side(seed, works):
	"""Starts works that have names. Each is given its name and random numbers of its own."""
	return [Background(functools.partial(work, name, random.Random('%s %s' % (seed, name)))) for name, work in works]


def faults_of(backgrounds, seconds=0):
	"""What works in the background return, if it is anything; and those that hang."""
	faults = []
	for background in backgrounds:
		background.join(seconds + PATIENCE)
		faults.append('a session hangs' if background.is_alive() else background.outcome)
	return [fault for fault in faults if fault]


def tell(answers):
	"""How often there was which answer."""
	tap.comment(', '.join('%s %d' % pair for pair in sorted(answers.items(), key=str)))


# What benchmarks measure

def stat_of(pid):
	with open('/proc/%s/stat' % pid) as file:
		return file.read().rpartition(')')[2].split()


def processor_time_of(pid):
	"""How long processors have worked for this process, in seconds."""
	return sum(map(int, stat_of(pid)[11:13])) / os.sysconf('SC_CLK_TCK')


def processor_time(directories):
	"""The same for the servers with these data directories, with all of their processes."""
	postmasters = []
	for directory in directories:
		with open(directory + '/postmaster.pid') as file:
			postmasters.append(file.readline().strip())
	ticks = 0
	for pid in filter(str.isdigit, os.listdir('/proc')):
		try:
			fields = stat_of(pid)
		except OSError:    # it has ended; its parent has what it took
			continue
		if pid in postmasters:
			ticks += sum(map(int, fields[11:15]))
		elif fields[1] in postmasters:
			ticks += sum(map(int, fields[11:13]))
	return ticks / os.sysconf('SC_CLK_TCK')


# Set-up

def psql(database, *args, role=SUPERUSER):
	subprocess.run(['psql', '-Xq', '-d', database, '-U', role, *args], check=True)


def remove():
	administrator.cache_clear()
	server.remove(DATABASES, (CLERK, OWNER, ROUTER))


def install():
	if administrator('postgres').call('SHOW wal_level') != [('logical',)]:    # for moves
		options = os.environ.get('SERVER_OPTIONS') or '-c fsync=off'
		subprocess.run([os.environ['PG_CTL'], 'restart', '-s', '-m', 'fast', '-o', options + ' -c wal_level=logical'], check=True)
	remove()
	with_postgres = administrator('postgres')
	with_postgres.call("ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'")    # for copies to begin at once
	with_postgres.call('SELECT pg_reload_conf()')
	for role in (CLERK, OWNER, ROUTER):
		with_postgres.call('CREATE ROLE %s LOGIN' % role)
	for database in DATABASES:
		with_postgres.call('CREATE DATABASE %s' % database)
		with_postgres.call("ALTER DATABASE %s SET deadlock_timeout = '100ms'" % database)
	with_postgres.call("ALTER ROLE %s SET client_connection_check_interval = '100ms'" % ROUTER)
	# What travels is text, and no shard writes it as the other one does, or the router.
	for shard, settings in zip(SHARDS, [
			{'DateStyle': 'SQL, DMY', 'IntervalStyle': 'sql_standard', 'TimeZone': 'Asia/Kolkata', 'standard_conforming_strings': 'off'},
			{'DateStyle': 'German', 'IntervalStyle': 'iso_8601', 'TimeZone': 'America/St_Johns', 'lc_messages': 'C.UTF-8'}]):
		for setting in settings.items():
			with_postgres.call("ALTER DATABASE %s SET %s = '%s'" % (shard, *setting))
	administrator('sharding_one').call('CREATE EXTENSION allocation')
	for database in SHARDS:
		with_postgres.call('ALTER DATABASE %s OWNER TO %s' % (database, OWNER))
		with_postgres.call('ALTER DATABASE %s SET search_path = public, stockroom' % database)
		owner = Session(database, OWNER)
		owner.call('CREATE SCHEMA stockroom')
		owner.call('CREATE EXTENSION allocation SCHEMA stockroom')
		psql(database, '-f', TREE + '/sharding/shard.sql', role=OWNER)
		owner.call('GRANT USAGE ON SCHEMA stockroom TO ' + ROUTER)
		owner.call('GRANT EXECUTE ON FUNCTION shard_call, shard_lines, shard_undo, shard_arguments, '
			'shard_order, shard_sku_of, shard_skus_of, shard_stock_of, shard_check TO ' + ROUTER)
	for database in (DIRECT, SECOND):
		install_router(database, 'host=' + os.environ['PGHOST'])
	install_router(POOLED, 'host=%s port=%d' % (Bouncer.directory(), Bouncer.port))
	administrator('sharding_one').call('GRANT EXECUTE ON FUNCTION %s TO %s' % (CALLS, CLERK))


def install_router(database, way):
	router = administrator(database)
	router.call('CREATE EXTENSION plproxy')
	router.call('CREATE SERVER stock FOREIGN DATA WRAPPER plproxy OPTIONS (%s)' % ', '.join(
		"p%d '%s dbname=%s'" % (n, way, SHARDS[n % 2]) for n in range(16)))
	router.call("CREATE USER MAPPING FOR CURRENT_USER SERVER stock OPTIONS (user '%s', password '%s')" % (ROUTER, PASSWORD))
	psql(database, '-f', TREE + '/sharding/plproxy.sql')
	router.call('GRANT USAGE ON SCHEMA sharding TO {0}; GRANT SELECT ON sharding.hot_skus TO {0}; '
		'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sharding TO {0}; ALTER DATABASE {1} OWNER TO {0}'.format(OWNER, database))
	psql(database, '-f', TREE + '/sharding/router.sql', role=OWNER)
	Session(database, OWNER).call('GRANT EXECUTE ON FUNCTION stock_of, %s TO %s' % (CALLS, CLERK))


class Bouncer:
	"""PgBouncer between the router POOLED and the shards"""
	port, size = 6432, 2
	program = shutil.which('pgbouncer', path=os.environ['PATH'] + ':/usr/sbin')

	@staticmethod
	def directory():
		return os.environ['PGHOST'] + '/bouncer'

	def __enter__(self):
		directory = self.directory()
		owner = os.stat(os.environ['PGHOST'])
		os.makedirs(directory, exist_ok=True)
		os.chown(directory, owner.st_uid, owner.st_gid)    # it refuses to run as root
		with open(directory + '/pgbouncer.ini', 'w') as file:
			file.write(CONFIGURATION.format(host=os.environ['PGHOST'], directory=directory, port=self.port, size=self.size,
				user=pwd.getpwuid(owner.st_uid).pw_name))
		with open(directory + '/users', 'w') as file:
			file.write('"%s" "%s"\n' % (ROUTER, PASSWORD))
		self.process = subprocess.Popen([self.program, '-q', directory + '/pgbouncer.ini'], stderr=open(directory + '/log', 'w'))
		until(lambda: os.path.exists('%s/.s.PGSQL.%d' % (directory, self.port)), 'PgBouncer does not start')
		return self

	def __exit__(self, *_):
		# From 1.23 on, SIGTERM waits for the clients to go, and the router stays connected.
		self.process.kill()
		self.process.wait()


CONFIGURATION = """
[databases]
sharding_0 = host={host}
sharding_1 = host={host}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {directory}
user = {user}
auth_type = scram-sha-256
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = {size}
server_login_retry = 1
query_wait_timeout = 1
"""


def clear():
	for database in ['sharding_one', *SHARDS]:
		administrator(database).call('TRUNCATE order_lines, batches')


# What SQL, arrays, patterns and shells could take for something else
ODD = ' O\'Neil\'\' "\\" $$ $1 $shard_fence$ %s %% :x {a,NULL} (b) ß漢\t\n '


def skus_of(shard, n, suffix=''):
	"""So many SKUs that the shard has."""
	rows = administrator(DIRECT).call(
		"SELECT s FROM (SELECT 'sku-' || n || %s FROM generate_series(1, 100) AS n) AS t (s) WHERE sharding.slot(s) %% 2 = %s LIMIT %s", suffix, shard, n)
	return [row[0] for row in rows]


# What two installations have in common: not the moment of a turn, but whose turn comes first; and no expired hold
BATCHES = """SELECT reference, sku, purchased_quantity, shipped_quantity, rank, eta::text, allocated_quantity - coalesce(
			(SELECT sum(qty - shipped_qty) FROM order_lines AS l
				WHERE batchref = reference AND l.sku = b.sku AND held_until <= clock_timestamp()), 0)
	FROM batches AS b"""
LINES = """SELECT sku, rank() OVER (PARTITION BY sku ORDER BY ordered_at), orderid, qty, shipped_qty, batchref, needed_by::text,
		date_trunc('hour', held_until AT TIME ZONE 'UTC' + interval '30 minutes')
	FROM order_lines WHERE held_until IS NULL OR held_until > clock_timestamp()"""


def state(*databases):
	sessions = [administrator(database) for database in databases]
	return [sorted(sum((session.call(sql) for session in sessions), []), key=repr) for sql in (BATCHES, LINES)]


def lines_of(database, orderid):
	return administrator(database).call(
		'SELECT sku, qty, shipped_qty, batchref, needed_by, held_until, ordered_at FROM order_lines WHERE orderid = %s ORDER BY sku', orderid)


def faults_of_tables():
	return ['%s: %s' % (database, row) for database in SHARDS for row in administrator(database).call('SELECT * FROM check_allocation()')]


# Histories: each call at the router, and the same call on one server

class History:
	names = ['add_batch', 'allocate'] * 3 + ['allocate_order', 'allocate_lines', 'try_allocate_order', 'try_allocate_lines'] * 3 + [
		'try_allocate', 'reallocate', 'reallocate_sku', 'deallocate', 'deallocate_order', 'ship', 'ship_order', 'promise',
		'change_batch_quantity', 'change_batch_eta']

	def __init__(self, seed, rng, expires):
		self.seed, self.rng, self.expires = seed, rng, expires
		self.skus = skus_of(0, 2) + skus_of(0, 1, ODD) + skus_of(1, 2) + skus_of(1, 1, ODD)
		self.orders = ['order-%d' % n for n in range(5)] + ['order' + ODD]
		self.answers = collections.Counter()

	def call(self):
		rng, name = self.rng, self.rng.choice(self.names)
		function = rng.choice([each for each in FUNCTIONS if each.name == name])
		skus = self.skus + ['UNKNOWN'] * (rng.random() < 0.1)
		orderid, sku, n = rng.choice(self.orders), rng.choice(skus), rng.randrange(4)
		lines = rng.sample([(orderid, sku) for orderid in self.orders for sku in skus], rng.randint(1, 8)) if name.endswith('_lines') else \
			[(orderid, sku) for sku in rng.sample(skus, rng.randint(1, 5))]

		def qty():
			return rng.choice([2] * 9 + [1, 3, 6])

		values = {
			'orderid': orderid, 'orderids': [line[0] for line in lines], 'sku': sku, 'skus': [line[1] for line in lines],
			'ref': '%s-%d' % (sku if self.expires or rng.random() < 0.9 else rng.choice(self.skus), n), 'rank': rng.choice([0, 0, 1]),
			'qty': {'add_batch': rng.randint(1, 12), 'change_batch_quantity': rng.randint(0, 12), 'ship': rng.choice([None, None, 1, 2]),
				'reallocate': rng.choice([None, qty()])}.get(name, qty()),
			'qtys': [qty() for _ in lines], 'eta': rng.choice([None, None, *LATE] + ['infinity'] * (name != 'add_batch')),
			'by': rng.choice([None, None, '2029-12-31', *LATE, 'infinity']), 'all_or_nothing': rng.random() < 0.6,
			'hold': rng.choice([None] * 5 + ['1 hour'] + ['1 microsecond'] * self.expires)}
		if self.expires:    # then no two batches are equally good
			values.update(eta=[None, *LATE][n], rank=0)
		values = {argument.name: values[argument.name] for argument in function.arguments}
		if rng.random() < 0.06:
			self.spoil(values, rng.choice(function.arguments))
		return Call(name, **values)

	def spoil(self, values, argument):
		"""Makes an argument what it must not be."""
		rng, name, value = self.rng, argument.name, values[argument.name]
		if argument.type.endswith('[]'):
			values[name] = rng.choice([None, [], value + value[:1], value[:-1] + [None], [value]])
			if rng.random() < 0.3:
				for other in values:
					if isinstance(values[other], list):
						values[other] = values[other] + values[other][:1]
		elif argument.type == 'text':
			values[name] = rng.choice([None, '', 'x' * 255, 'x' * 256])
		elif argument.type == 'integer':
			values[name] = rng.choice([None, 0, -1])
		elif not self.expires:    # a day that is NULL could make batches equally good
			values[name] = None

	def run(self, router, seconds):
		one, router, end = Session('sharding_one'), Session(router), now() + seconds
		for number in range(sys.maxsize):
			if number % 200 == 0:    # there is little to say when much has shipped
				if number and now() > end:
					return []
				clear()
			call = self.call()
			expected, got = one.answer(call.sql, *call.args), router.answer(call.sql, *call.args)
			self.answers['%s %s' % (call.name, expected[0] or 'ok')] += 1
			if call.name in ('deallocate_order', 'ship_order'):  # which line is named first is not promised
				expected, got = (expected[0], expected[2]), (got[0], got[2])
			if expected == got:
				expected, got = state('sharding_one'), state(*SHARDS)
			if expected != got:
				return ['call %d, %s\none server  %s\nthe router  %s' % (number, call, expected, got)]


