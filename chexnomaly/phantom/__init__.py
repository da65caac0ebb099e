"""Synthetic chest radiographs with findings, readers and the files of real sets.

A film is computed from a seed and an index: an anatomy of curves, thickness times
attenuation, findings that change that anatomy, an exposure, and three readers. See
`film` for one film, `write_dataset` for the folders and files of the public data
sets, and `write_store` for the shortest way to training.
"""

from chexnomaly.phantom.cohort import Plan, plan_image
from chexnomaly.phantom.files.dataset import write_dataset
from chexnomaly.phantom.files.store import write_store
from chexnomaly.phantom.films import Film, Switches, film
from chexnomaly.phantom.readers.reading import Opinion, Truth
from chexnomaly.phantom.request import GENERATOR
