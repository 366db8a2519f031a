"""Joins the results of the stages per voxel, per fascicle and per muscle."""
