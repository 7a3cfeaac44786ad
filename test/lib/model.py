"""The model of stock in the plainest means: what each call answers, and what it makes of batches and lines.

It is of one session. An expired hold is a line as long as storage has it, but only its units still count there; calls see
as much of it as they see of a line that is not there.
"""
import collections
import datetime

from lib.server import NEVER

Batch = collections.namedtuple('Batch', 'sku purchased eta rank')
Line = collections.namedtuple('Line', 'qty shipped ref by hold')


def is_open(line):
	return line is not None and line.shipped < line.qty


def day(batch):
	"""When it comes: the warehouse is before all days."""
	return batch.eta or datetime.date.min, batch.eta is not None


def comes_by(batch, by):
	return batch.eta is None or batch.eta != NEVER and (by is None or batch.eta <= by)


class Refusal(Exception):
	"""The call is refused, with any of these SQLSTATEs."""


class Stock:
	def __init__(self):
		self.batches = {}  # reference: Batch
		self.shipped = collections.Counter()  # by reference
		self.lines = {}  # (orderid, sku): Line, in their turn
		self.expired = set()  # those of the lines that are expired holds

	def copy(self):
		other = Stock()
		other.batches, other.lines, other.expired = dict(self.batches), dict(self.lines), set(self.expired)
		other.shipped = self.shipped.copy()
		return other

	def line(self, key):
		return None if key in self.expired else self.lines.get(key)

	def forget(self, *keys):
		for key in keys:
			self.lines.pop(key, None)
			self.expired.discard(key)

	def live(self):
		return {key: line for key, line in self.lines.items() if key not in self.expired}

	def room(self, ref):
		return self.batches[ref].purchased - self.shipped[ref] - sum(
			line.qty - line.shipped for line in self.lines.values() if line.ref == ref)

	# The rule

	def in_preference_order(self, sku):
		return sorted((ref for ref, batch in self.batches.items() if batch.sku == sku),
			key=lambda ref: (*day(self.batches[ref]), self.batches[ref].rank, ref))

	def is_better(self, ref, line):
		"""Would the line rather have this batch? Any that comes in time if it waits or has none that does, else one on an earlier day."""
		batch, own = self.batches[ref], self.batches.get(line.ref)
		return comes_by(batch, line.by) and (own is None or not comes_by(own, line.by) or day(batch) < day(own))

	def place(self, keys, passed_over=None):
		"""
		Each of these lines, in its turn, gets the first batch in preference order that is better than what it has and has room for
		all of it. Where some line of a SKU gets none in the warehouse, the units of expired holds of that SKU are free, too.
		"""
		lines = {key: line for key, line in self.lines.items() if key in keys}
		for sku in {sku for _, sku in lines}:
			for holds in ([], [key for key in self.expired if key[1] == sku]):
				self.forget(*holds)
				self.lines.update({key: line for key, line in lines.items() if key[1] == sku})
				for ref in self.in_preference_order(sku):
					for key, line in lines.items():
						if key[1] == sku and self.lines[key] is line and ref != passed_over and \
								self.room(ref) >= line.qty - line.shipped and self.is_better(ref, line):
							self.lines[key] = line._replace(ref=ref)
				if all(self.lines[key] is not line and self.batches[self.lines[key].ref].eta is None
						for key, line in lines.items() if key[1] == sku):
					break

	def refusal(self, sku):
		return 'SK002' if any(batch.sku == sku for batch in self.batches.values()) else 'SK001'

	# The calls: each returns its rows or raises Refusal

	def perform(self, call):
		"""The rows, or the refusal. A call that is refused changes nothing."""
		after = self.copy()
		try:
			rows = getattr(after, call.name)(call)
		except Refusal as refusal:
			return refusal
		self.__dict__ = after.__dict__
		return rows

	def rows(self, keys):
		return [(*key, self.lines[key].qty, self.lines[key].ref) for key in keys]

	def add_batch(self, call):
		if call.ref in self.batches:
			raise Refusal('23505')
		self.batches[call.ref] = Batch(call.sku, call.qty, call.eta, call.rank)
		return [('',)]

	def known_batch(self, call):
		batch = self.batches.get(call.ref)
		if batch is None or call.values.get('sku', batch.sku) != batch.sku:
			raise Refusal('SK003')
		return batch

	def change_batch_eta(self, call):
		batch = self.known_batch(call)
		if call.eta not in (None, NEVER) and self.shipped[call.ref]:
			raise Refusal('SK006')
		self.batches[call.ref] = batch._replace(eta=call.eta)
		return self.rows(key for key, line in self.live().items() if line.ref == call.ref and is_open(line))

	def change_batch_quantity(self, call):
		batch = self.known_batch(call)
		if call.qty < self.shipped[call.ref]:
			raise Refusal('SK006')
		self.batches[call.ref] = batch._replace(purchased=call.qty)
		if self.room(call.ref) < 0:
			self.forget(*[key for key in self.expired if self.lines[key].ref == call.ref])
		leaving = []
		for key, line in reversed(self.live().items()):
			if line.ref == call.ref and is_open(line) and self.room(call.ref) < 0:
				self.lines[key] = line._replace(ref=None)
				leaving.append(key)
		self.place(leaving, call.ref)
		return self.rows(leaving)

	def allocate_some(self, call, all_or_nothing):
		"""Allocates lines. Returns the refusals of those that are refused."""
		if call.repeats_a_line:
			raise Refusal('21000')
		refusals, to_place = {}, []
		for orderid, sku, qty in call.lines:
			key = orderid, sku
			if key in self.expired:
				self.forget(key)
			line = self.lines.setdefault(key, Line(qty, 0, None, call.by, call.hold))
			waits = is_open(line) and line.ref is None
			if line.qty != qty or is_open(line) and not waits and call.by not in (None, line.by) and \
					not comes_by(self.batches[line.ref], call.by):
				refusals[key] = 'SK005'
			else:
				self.lines[key] = line._replace(by=call.by or line.by, hold=line.hold and call.hold)
				to_place += [key] * waits
		self.place(to_place)
		for key in to_place:
			refusal = self.refusal(key[1])
			if self.lines[key].ref is None and (all_or_nothing or refusal == 'SK001'):
				refusals[key] = refusal
		return refusals

	def allocate_lines(self, call):
		refusals = self.allocate_some(call, call.values.get('all_or_nothing', True))
		if refusals:
			raise Refusal(*refusals.values())
		return self.rows((orderid, sku) for orderid, sku, _ in call.lines)

	allocate_order = allocate_lines

	def allocate(self, call):
		return [row[3:] for row in self.allocate_lines(call)]

	def try_allocate_lines(self, call):
		before = self.copy()
		refusals = self.allocate_some(call, True)
		names = {'SK001': 'invalid_sku', 'SK002': 'out_of_stock', 'SK005': 'order_line_conflict', None: None}
		if refusals:
			self.__dict__ = before.__dict__
		return [(orderid, sku, qty, getattr(self.line((orderid, sku)), 'ref', None), names[refusals.get((orderid, sku))])
			for orderid, sku, qty in call.lines]

	try_allocate = try_allocate_order = try_allocate_lines

	def promise(self, call):
		other = self.copy()
		other.lines['new', call.sku] = Line(call.qty, 0, None, call.by, None)
		other.place([('new', call.sku)])
		ref = other.lines['new', call.sku].ref
		return [(ref, self.batches[ref].eta)] if ref else []

	def deallocate(self, call):
		line = self.line((call.orderid, call.sku))
		if line and line.shipped:
			raise Refusal('SK006')
		self.forget((call.orderid, call.sku))
		return [(line and line.ref,)]

	def lines_of(self, orderid):
		return sorted(key for key in self.live() if key[0] == orderid)

	def deallocate_order(self, call):
		rows = self.rows(self.lines_of(call.orderid))
		if any(self.lines[key].shipped for key in self.lines_of(call.orderid)):
			raise Refusal('SK006')
		self.forget(*[key for key in self.lines if key[0] == call.orderid])
		return rows

	def reallocate(self, call):
		key = call.orderid, call.sku
		line = self.line(key)
		if line is None:
			raise Refusal('SK004')
		if call.qty < line.shipped if call.qty else not is_open(line):
			raise Refusal('SK006')
		self.lines[key] = line._replace(qty=call.qty or line.qty, by=call.by or line.by)
		if is_open(self.lines[key]):
			self.lines[key] = self.lines[key]._replace(ref=None)
			self.place([key])
			if self.lines[key].ref is None:
				raise Refusal(self.refusal(call.sku))
		return [(self.lines[key].ref,)]

	def reallocate_sku(self, call):
		if self.refusal(call.sku) == 'SK001':
			raise Refusal('SK001')
		before = self.live()
		self.place([key for key, line in before.items() if key[1] == call.sku and is_open(line) and
			(line.ref is None or self.batches[line.ref].eta is not None)])
		return self.rows(key for key, line in before.items() if self.lines[key] != line)

	def ship(self, call):
		key = call.orderid, call.sku
		line = self.line(key)
		if line is None:
			raise Refusal('SK004')
		total = call.qty or line.qty
		if total > line.qty:
			raise Refusal('22023')
		if total < line.shipped:
			raise Refusal('SK006')
		if total > line.shipped:
			if line.ref is None or self.batches[line.ref].eta is not None:
				raise Refusal('SK007')
			self.shipped[line.ref] += total - line.shipped
			self.lines[key] = line._replace(shipped=total, hold=None)
		return [(line.ref,)]

	def ship_order(self, call):
		keys = self.lines_of(call.orderid)
		for key in keys:
			line = self.lines[key]
			if is_open(line) and line.ref and self.batches[line.ref].eta is None:
				self.shipped[line.ref] += line.qty - line.shipped
				self.lines[key] = line._replace(shipped=line.qty, hold=None)
			elif is_open(line) and call.all_or_nothing:
				raise Refusal('SK007')
		return self.rows(key for key in keys if not is_open(self.lines[key]))
